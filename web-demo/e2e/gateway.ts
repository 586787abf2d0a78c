import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gatewayProgram } from "./programs";

const startsWithinMs = 20_000;
const stopsWithinMs = 10_000;

/** A gateway with its simulated organisation, which makes no traffic of its own. */
export class Gateway {
  readonly url: string;
  readonly simulatorUrl: string;
  #process: ChildProcess | undefined;
  #output = "";

  private constructor(
    private readonly port: number,
    private readonly simulatorPort: number,
    private readonly data: string,
  ) {
    this.url = `http://127.0.0.1:${port}`;
    this.simulatorUrl = `http://127.0.0.1:${simulatorPort}`;
  }

  static async start(): Promise<Gateway> {
    const data = mkdtempSync(join(tmpdir(), "gateway-e2e-"));
    const gateway = new Gateway(await freePort(), await freePort(), data);
    try {
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
    const ports = ["--port", String(port), "--sim-port", String(simulatorPort)];
    const child = spawn(gatewayProgram(), ["demo", ...ports, "--data-dir", data, "--quiet-org"]);
    this.#process = child;
    process.once("exit", () => {
      child.kill("SIGKILL");
      rmSync(data, { recursive: true, force: true });
    });
    const keep = (part: Buffer) => {
      this.#output = (this.#output + part.toString()).slice(-8_000);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    const deadline = Date.now() + startsWithinMs;
    while (!(await answers(`${this.url}/readyz`))) {
      if (ended(child) || Date.now() > deadline) {
        throw new Error(`The gateway did not become ready:\n${this.#output}`);
      }
      await new Promise((done) => setTimeout(done, 100));
    }
  }

  /** Ends it without a warning, as a crash does. */
  kill(): Promise<void> {
    return this.#end("SIGKILL");
  }

  async stop(): Promise<void> {
    await this.#end("SIGTERM");
    rmSync(this.data, { recursive: true, force: true });
  }

  #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    if (!child || ended(child)) return Promise.resolve();
    return new Promise((done) => {
      const impatience = setTimeout(() => child.kill("SIGKILL"), stopsWithinMs);
      child.once("exit", () => {
        clearTimeout(impatience);
        done();
      });
      child.kill(signal);
    });
  }
}

const ended = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode !== null;

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}

function freePort(): Promise<number> {
  return new Promise((done, failed) => {
    const server = createServer();
    server.once("error", failed);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => done(typeof address === "object" && address ? address.port : 0));
    });
  });
}
