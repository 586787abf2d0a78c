import { resolve } from "node:path";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const gateway = process.env.GATEWAY_URL ?? "http://127.0.0.1:8080";

/**
 * GraphiQL's stylesheet carries its fonts as data: URLs, which the gateway's content security
 * policy refuses. The text fonts give way to the system's; the icon font becomes a file.
 */
function graphiqlFontsFromFiles(): Plugin {
  const iconFont = resolve(
    "node_modules/monaco-editor/esm/vs/base/browser/ui/codicons/codicon/codicon.ttf",
  );
  return {
    name: "graphiql-fonts-from-files",
    enforce: "pre",
    transform(css, id) {
      if (!id.includes("graphiql/dist/style.css")) return;
      return css
        .replace(/@font-face\s*{[^}]*data:font\/woff[^}]*}/g, "")
        .replace(/url\(data:font\/ttf[^)]*\)/g, `url("${iconFont}")`);
    },
  };
}

export default defineConfig({
  base: "/",
  plugins: [react(), graphiqlFontsFromFiles()],
  build: {
    outDir: "dist",
    assetsInlineLimit: 0,
    cssTarget: ["chrome123", "safari17.5", "firefox120"],
    chunkSizeWarningLimit: 4000,
    rolldownOptions: {
      checks: { moduleLevelDirective: false },
      input: { main: resolve("index.html"), graphiql: resolve("graphiql.html") },
    },
  },
  worker: { format: "es" },
  server: {
    proxy: {
      "/graphql": { target: gateway, ws: true },
      "/healthz": gateway,
      "/readyz": gateway,
      "/web-demo.json": gateway,
      "/badge.js": gateway,
    },
  },
  test: { environment: "happy-dom", include: ["src/**/*.test.{ts,tsx}"] },
});
