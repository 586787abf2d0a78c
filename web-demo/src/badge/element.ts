import { iconPaths } from "../icons/paths";
import { statuses } from "../status/statuses";
import { clockTime, duration, isoDuration } from "../time/format";
import { type Badge, Board, type Told } from "./board";
import type { LineOptions } from "./line";
import { stylesheet } from "./style";

/**
 * So often at the most, in ms, the browser looks which badges are in sight: one look at thousands of
 * them takes milliseconds. A browser that doesn't know `delay` looks with each frame.
 */
const looks: IntersectionObserverInit & { delay: number } = { delay: 300 };

/**
 * `<dcm-conversation-badge conversation-id="…">`: the live status of a conversation in any page.
 *
 * Attributes: `conversation-id`; `endpoint`, the gateway's /graphql (the one this file came from);
 * `no-time`, to leave out the time in the status; `live`, to have changes read out.
 * Looks: `::part(badge | icon | label | time | stale)`, and the custom properties of style.ts.
 * State for the page's own CSS: the attributes `status`, `tone`, `stale` and `unknown`.
 */
export class ConversationBadge extends HTMLElement implements Badge {
  static readonly observedAttributes = ["conversation-id", "endpoint", "no-time", "live"];
  /** What is sent with each connection, such as a token. Set it before the first badge appears. */
  static connectionParams: LineOptions["connectionParams"];
  /** The words of each status. Give others for another language. */
  static labels: Record<string, string> = Object.fromEntries(
    Object.entries(statuses).map(([status, { label }]) => [status, label]),
  );
  static #boards = new Map<string, Board>();
  static #sight: IntersectionObserver | undefined;

  conversationId = "";
  visible = false;
  #board: Board | null = null;
  #told: Told | null = null;
  #parts = build(this.attachShadow({ mode: "open" }));

  connectedCallback() {
    ConversationBadge.#watcher().observe(this);
    this.#join();
  }

  disconnectedCallback() {
    ConversationBadge.#watcher().unobserve(this);
    this.#leave();
  }

  attributeChangedCallback(name: string, before: string | null, now: string | null) {
    if (before === now || !this.isConnected) return;
    if (name === "live") this.#parts.label.ariaLive = now === null ? null : "polite";
    if (name === "no-time") this.tick(Date.now());
    if (name === "conversation-id" || name === "endpoint") this.#join();
  }

  show(told: Told | null, staleSince: number | null) {
    const { badge, icon, label, stale } = this.#parts;
    const look = told && statuses[told.status];
    const words = told ? (ConversationBadge.labels[told.status] ?? told.status) : "Not known yet";
    if (this.#told?.status !== told?.status || !this.hasAttribute("tone")) {
      label.textContent = words;
      icon.setAttribute("d", look ? iconPaths[look.icon] : iconPaths.spark);
      this.setAttribute("tone", look?.tone ?? "quiet");
      if (told) this.setAttribute("status", told.status);
      else this.removeAttribute("status");
      this.toggleAttribute("unknown", !told);
    }
    this.#told = told;
    const since =
      staleSince === null ? "" : `stale since ${clockTime(new Date(staleSince).toISOString())}`;
    if (stale.textContent !== since) {
      stale.textContent = since;
      badge.title = since;
      this.toggleAttribute("stale", since !== "");
    }
    this.tick(Date.now());
  }

  tick(now: number) {
    const { time } = this.#parts;
    const told = this.#told;
    const ticking = told !== null && told.status !== "ENDED" && !this.hasAttribute("no-time");
    if (time.hidden === ticking) time.hidden = !ticking;
    if (!ticking) return;
    const ms = now - Date.parse(told.since);
    const words = duration(ms);
    if (time.firstChild?.nodeValue === words) return;
    if (time.firstChild) time.firstChild.nodeValue = words;
    else time.append(words);
    time.dateTime = isoDuration(ms);
  }

  #join() {
    this.#leave();
    const id = this.getAttribute("conversation-id")?.trim().toLowerCase() ?? "";
    if (!id) return;
    this.conversationId = id;
    this.#parts.label.ariaLive = this.hasAttribute("live") ? "polite" : null;
    this.#board = ConversationBadge.#boardOf(this.getAttribute("endpoint"));
    this.#board.add(this);
  }

  #leave() {
    this.#board?.remove(this);
    this.#board = null;
  }

  static #boardOf(endpoint: string | null): Board {
    const ours = `${new URL(import.meta.url).origin}/graphql`;
    const url = new URL(endpoint ?? ours, document.baseURI);
    url.protocol = url.protocol.replace("http", "ws");
    const known = ConversationBadge.#boards.get(url.href);
    if (known) return known;
    const connectionParams = () => ConversationBadge.connectionParams?.() ?? {};
    const board = new Board({ url: url.href, connectionParams });
    ConversationBadge.#boards.set(url.href, board);
    return board;
  }

  /** Only badges that can be seen have their time counted up. */
  static #watcher(): IntersectionObserver {
    ConversationBadge.#sight ??= new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        const badge = target as ConversationBadge;
        badge.visible = isIntersecting;
        if (isIntersecting) badge.tick(Date.now());
      }
    }, looks);
    return ConversationBadge.#sight;
  }
}

const template = document.createElement("template");
template.innerHTML = `<span part="badge"><svg part="icon" viewBox="0 0 24 24" aria-hidden="true"><path/></svg><span part="label">Not known yet</span><time part="time" hidden></time><span part="stale"></span></span>`;

function build(root: ShadowRoot) {
  root.adoptedStyleSheets = [stylesheet()];
  root.append(template.content.cloneNode(true));
  const part = <T extends Element>(selector: string) => root.querySelector(selector) as T;
  return {
    badge: part<HTMLElement>("[part=badge]"),
    icon: part<SVGPathElement>("path"),
    label: part<HTMLElement>("[part=label]"),
    time: part<HTMLTimeElement>("time"),
    stale: part<HTMLElement>("[part=stale]"),
  };
}
