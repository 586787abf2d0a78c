import { accessSync, constants } from "node:fs";

export function gatewayProgram(): string {
  return executable("GATEWAY_BIN", process.env.GATEWAY_BIN);
}

export function chromiumProgram(): string {
  return executable("CHROMIUM", process.env.CHROMIUM ?? "/usr/bin/chromium");
}

function executable(variable: string, path: string | undefined): string {
  if (!path) throw new Error(`Set ${variable} to the program that is to be used.`);
  try {
    accessSync(path, constants.X_OK);
  } catch {
    throw new Error(`${path} cannot be executed. Set ${variable} to a program that can.`);
  }
  return path;
}
