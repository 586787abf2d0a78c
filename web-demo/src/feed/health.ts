import type { Client } from "graphql-ws";

/** What this page knows of its own line to the gateway. */
export interface LinkHealth {
  link: "connecting" | "open" | "lost";
  /** Last word heard before the line broke, in ms since the epoch. */
  lostSince: number | null;
  reconnectedAt: number | null;
  /** Changes that happened during the loss and came with the resume. */
  recovered: number;
}

type Watchable = Pick<Client, "on">;

export class LinkWatch {
  #health: LinkHealth = { link: "connecting", lostSince: null, reconnectedAt: null, recovered: 0 };
  #heardAt = Date.now();
  #listeners = new Set<() => void>();

  constructor(client: Watchable) {
    client.on("message", () => {
      this.#heardAt = Date.now();
    });
    client.on("connected", () => {
      const back = this.#health.lostSince !== null;
      this.#set({
        link: "open",
        lostSince: null,
        ...(back && { reconnectedAt: Date.now(), recovered: 0 }),
      });
    });
    client.on("closed", () => {
      if (this.#health.link === "open") this.#set({ link: "lost", lostSince: this.#heardAt });
    });
    client.on("error", () => {
      if (this.#health.link === "connecting") {
        this.#set({ link: "lost", lostSince: this.#heardAt });
      }
    });
  }

  countRecovered(changes: number) {
    if (changes > 0) this.#set({ recovered: this.#health.recovered + changes });
  }

  subscribe = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  health = () => this.#health;

  #set(part: Partial<LinkHealth>) {
    this.#health = { ...this.#health, ...part };
    for (const tell of this.#listeners) tell();
  }
}
