import { demoSettings } from "../shell/demoSettings";

/** The simulated organisation behind the demo, by its own control surface. */
export class Simulator {
  constructor(readonly origin: string) {}

  /** The simulator that the gateway's demo names to its pages; null where there is none. */
  static async find(): Promise<Simulator | null> {
    const { connect } = await demoSettings();
    for (const origin of connect) {
      const simulator = new Simulator(origin);
      if (await simulator.answers()) return simulator;
    }
    return null;
  }

  async start(mediaType: string, script?: string): Promise<string> {
    const { id } = await this.#post("/sim/conversations", { mediaType, ...(script && { script }) });
    return String(id);
  }

  step(conversationId: string, step: string, more: object = {}) {
    return this.#post(`/sim/conversations/${conversationId}/steps`, { step, ...more });
  }

  fault(fault: object) {
    return this.#post("/sim/faults", fault);
  }

  async heal() {
    await this.#ask("/sim/faults", { method: "DELETE" });
  }

  async scripts(): Promise<string[]> {
    const answer = await this.#ask("/sim/scripts", {});
    return (answer.scripts ?? []) as string[];
  }

  answers(): Promise<boolean> {
    return this.scripts().then(
      (scripts) => scripts.length > 0,
      () => false,
    );
  }

  #post(path: string, body: object) {
    const headers = { "content-type": "application/json" };
    return this.#ask(path, { method: "POST", headers, body: JSON.stringify(body) });
  }

  async #ask(path: string, init: RequestInit): Promise<Record<string, unknown>> {
    const answer = await fetch(this.origin + path, init);
    const text = await answer.text();
    const said = text ? JSON.parse(text) : {};
    if (!answer.ok)
      throw new Error(String(said.error ?? `The simulator answers ${answer.status}.`));
    return said;
  }
}
