/** The control surface of the simulated organisation. */
export class Simulator {
  constructor(private readonly url: string) {}

  /** Begins a conversation that waits for steps, and puts it into a queue. */
  async enqueued(mediaType = "voice", direction = "inbound"): Promise<string> {
    const { id } = (await this.post("/sim/conversations", { mediaType, direction })) as {
      id: string;
    };
    await this.step(id, "enqueue");
    return id;
  }

  async step(conversationId: string, step: string, more: object = {}): Promise<void> {
    await this.post(`/sim/conversations/${conversationId}/steps`, { step, ...more });
  }

  async steps(conversationId: string, ...steps: string[]): Promise<void> {
    for (const step of steps) await this.step(conversationId, step);
  }

  async fault(fault: object): Promise<void> {
    await this.post("/sim/faults", fault);
  }

  /** Lifts every lasting fault. */
  async heal(): Promise<void> {
    await fetch(`${this.url}/sim/faults`, { method: "DELETE" });
  }

  /** What its Genesys API answers now to somebody without a token. */
  async apiStatus(): Promise<number> {
    return (await fetch(`${this.url}/api/v2/organizations/me`)).status;
  }

  /** How often its Genesys API was asked, whatever it answered. */
  async apiCalls(): Promise<number> {
    const { calls } = await (await fetch(`${this.url}/sim/stats`)).json();
    return Object.values<number>(calls).reduce((sum, many) => sum + many, 0);
  }

  private async post(path: string, body: object): Promise<unknown> {
    const response = await fetch(this.url + path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok)
      throw new Error(`${path} ${JSON.stringify(body)}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }
}
