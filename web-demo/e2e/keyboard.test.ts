import { describe, expect, it } from "vitest";
import { enqueuedAlone } from "./api";
import { stage } from "./stage";

const on = stage();

/** What has the focus, by its name as it is read out. */
const focused = () =>
  on.page.evaluate(() => {
    const element = document.activeElement as HTMLElement | null;
    const label = element?.getAttribute("aria-label") ?? element?.closest("label")?.textContent;
    return (label ?? element?.textContent ?? "").trim();
  });

/** The words of the option that a list has chosen. */
const chosen = (label: string) =>
  on.page
    .getByLabel(label)
    .evaluate((list) => (list as HTMLSelectElement).selectedOptions[0]?.textContent);

/** Presses Tab until `name` has the focus, which must be visible to the eye. */
async function tabTo(name: string | RegExp, key = "Tab") {
  const passed: string[] = [];
  for (let left = 60; left > 0; left -= 1) {
    await on.page.keyboard.press(key);
    const now = await focused();
    if (typeof name === "string" ? now.startsWith(name) : name.test(now)) {
      expect(await outline(), `the outline of ${now}`).toBe(true);
      return;
    }
    passed.push(now);
  }
  throw new Error(`Tab does not lead to ${name}, but to ${passed.join(" | ")}`);
}

/** Whether what has the focus is outlined, be it by itself or by what it spreads over its row. */
const outline = () =>
  on.page.evaluate(() => {
    const element = document.activeElement;
    if (!element) return false;
    const drawn = (pseudo?: string) => {
      const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(element, pseudo);
      const seen = !/^transparent$|, 0\)$|\/ 0\)$/.test(outlineColor);
      return outlineStyle !== "none" && Number.parseFloat(outlineWidth) > 0 && seen;
    };
    return drawn() || drawn("::after");
  });

describe("by keyboard alone", () => {
  it("a case is found, its conversation closed, and the way back taken", async () => {
    const { id, number, objectId } = await enqueuedAlone(on.gateway, on.simulator);
    await on.simulator.steps(id, "offer", "answer");
    await on.page.goto(on.gateway.url);
    await on.page.locator(`[data-case="${objectId}"]`).waitFor();

    await on.page.keyboard.press("Tab");
    expect(await focused()).toBe("Skip to content");
    expect(await outline(), "the outline of the skip link").toBe(true);
    await on.page.keyboard.press("Enter");
    await tabTo("Search");
    await on.page.keyboard.type(number);
    await expect.poll(() => on.page.getByTestId("count").textContent()).toMatch(/^1( of \d+)?$/);
    await tabTo(/^Connected/);
    await on.page.keyboard.press("Space");
    await on.page.waitForURL(/status=CONNECTED/);
    await on.page.locator(`[data-case="${objectId}"]`).waitFor();
    await tabTo(number);
    await on.page.keyboard.press("Enter");
    await on.page.waitForURL(`**/cases/${objectId}`);

    await on.page.getByRole("button", { name: "Close…" }).waitFor();
    await tabTo("Close…");
    await on.page.keyboard.press("Enter");
    await tabTo("Wrap-up code");
    await on.page.getByRole("option", { name: "Resolved" }).waitFor({ state: "attached" });
    await on.page.keyboard.type("Resolved");
    await expect.poll(() => chosen("Wrap-up code")).toBe("Resolved");
    await tabTo("Close conversation");
    await on.page.keyboard.press("Enter");
    await on.page.getByText("Closed: Genesys shows it as ended.").waitFor();

    await tabTo("Cases", "Shift+Tab");
    await on.page.keyboard.press("Enter");
    await on.page.waitForURL(`${on.gateway.url}/`);
    await on.page.locator(`[data-case="${objectId}"]`).waitFor({ state: "detached" });
  });

  it("the feed's details and the simulator open, act and close", async () => {
    await on.page.goto(`${on.gateway.url}/wallboard`);
    await on.page.getByRole("button", { name: /^Feed: Live/ }).waitFor();
    await tabTo("I am agent");
    await tabTo(/^Feed: Live/);
    await on.page.keyboard.press("Enter");
    await on.page.getByRole("dialog", { name: "The live feed" }).waitFor();
    await on.page.keyboard.press("Escape");
    await on.page.getByRole("dialog").waitFor({ state: "detached" });
    await expect.poll(focused).toMatch(/^Feed: Live/);

    await tabTo("Simulator");
    await on.page.keyboard.press("Enter");
    await on.page.getByRole("button", { name: "Voice call" }).waitFor();
    await tabTo("Voice call");
    await on.page.keyboard.press("Enter");
    await tabTo("Offer to an agent");
    await on.page.keyboard.press("Space");
    await on.page.locator('[data-started] [data-status="ALERTING"]').waitFor();
    await on.page.keyboard.press("Escape");
    await on.page.getByRole("complementary").waitFor({ state: "detached" });
    await expect.poll(focused).toBe("Simulator");
  });
});
