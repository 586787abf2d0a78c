import { launch, openPage } from "./browser";
import { Gateway } from "./gateway";

/**
 * Brings gateway, browser and first page up once before any test: without one of them no test can
 * pass, so none begins. A program's first start, read from the disk, takes longest: no test waits for it.
 */
export default async function setup() {
  const gateway = await Gateway.start();
  try {
    const browser = await launch();
    try {
      const { page } = await openPage(browser, gateway);
      await page.goto(gateway.url, { timeout: 60_000 });
    } finally {
      await browser.close();
    }
  } finally {
    await gateway.stop();
  }
}
