import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, gatewayProgram } from "../programs.mjs";

const startsWithinMs = 60_000;
const answersWithinMs = 5_000;
const stopsWithinMs = 10_000;

/** A gateway with its simulated organisation, which makes no traffic of its own. */
export class Gateway {
  readonly url: string;
  readonly simulatorUrl: string;
  #gateway: Program | undefined;
  #organisation: Program | undefined;

  private constructor(
    private readonly port: number,
    private readonly simulatorPort: number,
    private readonly data: string,
    private readonly apart: boolean,
  ) {
    this.url = `http://127.0.0.1:${port}`;
    this.simulatorUrl = `http://127.0.0.1:${simulatorPort}`;
  }

  /** `apart`: the organisation is a program of its own, which lives on while the gateway is dead. */
  static async start({ apart = false } = {}): Promise<Gateway> {
    const data = mkdtempSync(join(tmpdir(), "gateway-e2e-"));
    const gateway = new Gateway(await freePort(), await freePort(), data, apart);
    try {
      if (apart) await gateway.#runOrganisation();
      await gateway.run();
    } catch (cause) {
      await gateway.stop();
      throw cause;
    }
    return gateway;
  }

  /** Starts the program and waits until it is ready to serve. */
  async run(): Promise<void> {
    const { port, simulatorPort, data } = this;
    const demo = ["demo", "--port", `${port}`, "--sim-port", `${simulatorPort}`, "--quiet-org"];
    this.#gateway = this.apart
      ? new Program([...this.#serve(), "--data-dir", data], this.#settings())
      : new Program([...demo, "--data-dir", data]);
    await this.#gateway.answers(`${this.url}/readyz`);
  }

  /** Ends it without a warning, as a crash does. */
  async kill(): Promise<void> {
    await this.#gateway?.end("SIGKILL");
  }

  async stop(): Promise<void> {
    await this.#gateway?.end("SIGTERM");
    await this.#organisation?.end("SIGTERM");
    rmSync(this.data, { recursive: true, force: true });
  }

  async #runOrganisation() {
    const flags = ["--port", `${this.simulatorPort}`, "--analytics-lag", "100ms"];
    this.#organisation = new Program(["simulate", ...flags]);
    await this.#organisation.answers(`${this.simulatorUrl}/sim/scripts`);
  }

  #serve(): string[] {
    const demo = ["--web-demo", "--web-demo-connect", this.simulatorUrl];
    return ["serve", "--listen", new URL(this.url).host, "--insecure-no-auth", ...demo];
  }

  #settings(): Record<string, string> {
    return {
      GENESYSCLOUD_API_URL: this.simulatorUrl,
      GENESYSCLOUD_LOGIN_URL: this.simulatorUrl,
      GENESYSCLOUD_OAUTHCLIENT_ID: "simulator-client",
      GENESYSCLOUD_OAUTHCLIENT_SECRET: "simulator-secret",
      GATEWAY_GENESYS_ANALYTICS_LAG: "500ms",
    };
  }
}

/** A running process of the gateway's program, and what it has said last. */
class Program {
  readonly #child: ChildProcess;
  #output = "";

  constructor(flags: string[], settings: Record<string, string> = {}) {
    const child = spawn(gatewayProgram(), flags, { env: { ...process.env, ...settings } });
    process.once("exit", () => child.kill("SIGKILL"));
    const keep = (part: Buffer) => {
      this.#output = (this.#output + part.toString()).slice(-8_000);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    this.#child = child;
  }

  async answers(url: string): Promise<void> {
    const deadline = Date.now() + startsWithinMs;
    while (!(await isThere(url))) {
      if (this.#ended() || Date.now() > deadline) {
        throw new Error(`${url} does not answer:\n${this.#output}`);
      }
      await new Promise((done) => setTimeout(done, 100));
    }
  }

  end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (this.#ended()) return Promise.resolve();
    return new Promise((done) => {
      const impatience = setTimeout(() => child.kill("SIGKILL"), stopsWithinMs);
      child.once("exit", () => {
        clearTimeout(impatience);
        done();
      });
      child.kill(signal);
    });
  }

  #ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }
}

async function isThere(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(answersWithinMs) })).ok;
  } catch {
    return false;
  }
}
