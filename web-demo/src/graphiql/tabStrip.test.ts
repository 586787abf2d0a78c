import { expect, it } from "vitest";
import { nameTabStrip } from "./tabStrip";

const markup = `<ul class="graphiql-tabs" role="tablist">
  <li class="graphiql-tab" role="tab" aria-selected="true"><button class="graphiql-tab-button">One</button><button class="graphiql-tab-close" aria-label="Close Tab"></button></li>
  <li class="graphiql-tab" role="tab" aria-selected="false"><button class="graphiql-tab-button">Two</button><button class="graphiql-tab-close" aria-label="Close Tab"></button></li>
</ul>`;

function strip() {
  const root = document.createElement("div");
  root.innerHTML = markup;
  nameTabStrip(root);
  const current = () => root.querySelector("[aria-current=true]")?.textContent;
  return { root, current };
}

it("the strip is a list of buttons, of which one is current", () => {
  const { root, current } = strip();
  expect(root.querySelector("[role=tab], [role=tablist], [aria-selected]")).toBeNull();
  expect(current()).toBe("One");
  expect(root.querySelector("[aria-label='Close Two']")).not.toBeNull();
});

it("follows when another operation is opened", async () => {
  const { root, current } = strip();
  const [one, two] = root.querySelectorAll("li");
  one?.setAttribute("aria-selected", "false");
  two?.setAttribute("aria-selected", "true");
  await expect.poll(current).toBe("Two");
});
