export interface DemoSettings {
  /** Origins beside the gateway's that its pages may call: the simulator's, in the demo. */
  connect: string[];
}

let settings: Promise<DemoSettings> | undefined;

/** What the gateway says to its own pages; asked for once. */
export function demoSettings(): Promise<DemoSettings> {
  settings ??= fetch("/web-demo.json")
    .then((answer) => answer.json() as Promise<DemoSettings>)
    .catch(() => ({ connect: [] }));
  return settings;
}
