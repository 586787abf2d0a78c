// Starts the program under test and finds out where it listens.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { PassThrough } from "node:stream";

const program = process.env.GATEWAY_BIN;
if (!program) throw new Error("GATEWAY_BIN names no program: run `make sdk`");

/** Starts it and waits until it has printed the address that the pattern captures. */
export async function start(args, pattern) {
  const env = { ...process.env, NO_COLOR: "1" };
  const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  const said = new PassThrough();
  child.stdout.pipe(said);
  child.stderr.pipe(said);
  const exited = new Promise((_, reject) => child.once("exit", (code) => reject(new Error(`${args[0]} ended with ${code}`))));
  exited.catch(() => {});
  const announced = (async () => {
    for await (const line of createInterface({ input: said })) {
      const found = line.match(pattern);
      if (found) return found[1];
    }
    throw new Error(`${args[0]} did not say where it listens`);
  })();
  const address = await Promise.race([announced, exited]);
  said.resume();
  const stop = () =>
    new Promise((resolve) => {
      child.once("exit", resolve);
      child.kill("SIGTERM");
    });
  return { address, stop };
}

/** Waits until `look` gives something. */
export async function eventually(what, look, patience = 30_000) {
  const deadline = Date.now() + patience;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
