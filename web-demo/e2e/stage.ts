import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import { launch, openPage, type Watched } from "./browser";
import { Gateway } from "./gateway";
import { Simulator } from "./simulator";

/** A gateway and a browser for all tests of a file, and a fresh page for each that must stay clean. */
export interface Stage {
  gateway: Gateway;
  simulator: Simulator;
  page: Page;
  watched: Watched;
  /** The console may complain in this test: it breaks something that the browser reports. */
  allowComplaints(): void;
}

export function stage(): Stage {
  let browser: Browser;
  let strict = true;
  const stage = {
    allowComplaints: () => {
      strict = false;
    },
  } as Stage;
  beforeAll(async () => {
    stage.gateway = await Gateway.start();
    stage.simulator = new Simulator(stage.gateway.simulatorUrl);
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
    await stage.gateway?.stop();
  });
  beforeEach(async () => {
    strict = true;
    stage.watched = await openPage(browser, stage.gateway);
    stage.page = stage.watched.page;
  });
  afterEach(async () => {
    await stage.watched.context.close();
    expect(stage.watched.strays).toEqual([]);
    if (strict) expect(stage.watched.complaints).toEqual([]);
  });
  return stage;
}
