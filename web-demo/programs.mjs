// The programs that browser tests and the scripts beside this file run, and free ports for them.
import { accessSync, constants } from "node:fs";
import { createServer } from "node:net";

export function gatewayProgram() {
  return executable("GATEWAY_BIN", process.env.GATEWAY_BIN);
}

export function chromiumProgram() {
  return executable("CHROMIUM", process.env.CHROMIUM ?? "/usr/bin/chromium");
}

/** @returns {Promise<number>} */
export function freePort() {
  return new Promise((done, failed) => {
    const server = createServer();
    server.once("error", failed);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

/** @returns {string} */
function executable(variable, path) {
  if (!path) throw new Error(`Set ${variable} to the program that is to be used.`);
  try {
    accessSync(path, constants.X_OK);
  } catch {
    throw new Error(`${path} cannot be executed. Set ${variable} to a program that can.`);
  }
  return path;
}
