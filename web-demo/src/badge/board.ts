import { staleSinceOf } from "../feed/staleSince";
import { heldBackFor, type Stretch } from "../status/stretch";
import { Line, type LineOptions, type Message } from "./line";

/** Conversations asked for by one subscription; the gateway takes 1,000 ids in a filter. */
const groupSize = 500;

/** At most so often, in ms, badges are drawn anew: each time the page may have to be laid out. */
const drawEvery = 100;

/**
 * For so long, in ms, badges are drawn in one frame; the next frame goes on. The browser needs about six
 * times as long for what was drawn, so a frame stays short although all badges become stale at once.
 */
const drawFor = 3;

const changes = `subscription Badges($ids: [ID!]!, $after: String) {
  conversationStatusChanged(filter: { conversationIds: $ids }, after: $after, includeCurrent: true) {
    cursor conversationId membership status
    conversation { statusSince originalMediaType activeMediaType errorMessage }
  }
}`;
const feed = "subscription BadgesFeed { feedStatusChanged { staleSince } }";

export interface Told extends Stretch {
  medium: string | null;
  error: string | null;
}

/** What a badge is told: by the board, at most once in a frame. */
export interface Badge {
  readonly conversationId: string;
  /** Only what is in sight has its time counted up. */
  readonly visible: boolean;
  show(told: Told | null, staleSince: number | null): void;
}

interface Change {
  cursor: string;
  conversationId: string;
  membership: string;
  status: Told["status"];
  conversation: {
    statusSince: string;
    originalMediaType: string | null;
    activeMediaType: string | null;
    errorMessage: string | null;
  } | null;
}

/**
 * Everything the badges of one gateway share: the line, what is known of each conversation, one clock.
 * Badges that appear together are asked for together.
 */
export class Board {
  #line: Line;
  #badges = new Map<string, Set<Badge>>();
  #known = new Map<string, Told>();
  #groups: Group[] = [];
  #joining = new Set<string>();
  #dirty = new Set<string>();
  #painting = false;
  #drawnAt = Number.NEGATIVE_INFINITY;
  #clock: ReturnType<typeof setInterval> | undefined;
  #stopFeed: (() => void) | undefined;
  #lostSince: number | null = null;
  #genesysStaleSince: number | null = null;

  constructor(options: Omit<LineOptions, "onState">) {
    this.#line = new Line({ ...options, onState: (open) => this.#lineIs(open) });
  }

  add(badge: Badge) {
    const id = badge.conversationId;
    const here = this.#badges.get(id) ?? new Set();
    this.#badges.set(id, here.add(badge));
    if (here.size === 1) {
      if (this.#joining.size === 0) queueMicrotask(() => this.#join());
      this.#joining.add(id);
    }
    this.#stopFeed ??= this.#follow();
    this.#clock ??= setInterval(() => this.#tick(), 1_000);
    this.#paint(id);
  }

  remove(badge: Badge) {
    const id = badge.conversationId;
    const here = this.#badges.get(id);
    if (!here?.delete(badge) || here.size > 0) return;
    this.#badges.delete(id);
    this.#known.delete(id);
    this.#joining.delete(id);
    for (const group of this.#groups) {
      if (group.ids.delete(id) && group.ids.size === 0) group.stop();
    }
    this.#groups = this.#groups.filter(({ ids }) => ids.size > 0);
    if (this.#badges.size > 0) return;
    clearInterval(this.#clock);
    this.#clock = undefined;
    this.#stopFeed?.();
    this.#stopFeed = undefined;
  }

  /** Since when the picture may be out of date, in ms; null while it is not. */
  staleSince(): number | null {
    const since = [this.#lostSince, this.#genesysStaleSince].filter((each) => each !== null);
    return since.length > 0 ? Math.min(...since) : null;
  }

  #join() {
    const ids = [...this.#joining];
    this.#joining.clear();
    for (let from = 0; from < ids.length; from += groupSize) {
      const group = new Group(new Set(ids.slice(from, from + groupSize)));
      group.stop = this.#line.subscribe({
        query: changes,
        variables: () => ({ ids: [...group.ids], after: group.after }),
        next: (message) => this.#take(group, message),
      });
      this.#groups.push(group);
    }
  }

  #take(group: Group, { data, errors }: Message) {
    if (errors?.some(({ extensions }) => extensions?.code?.startsWith("CURSOR_"))) {
      group.after = null;
    }
    const change = data?.conversationStatusChanged as Change | undefined;
    if (!change) return;
    group.after = change.cursor;
    const { conversationId, membership, status, conversation } = change;
    if (!group.ids.has(conversationId)) return;
    if (membership === "LEFT" || !conversation) this.#known.delete(conversationId);
    else {
      this.#known.set(conversationId, {
        status,
        since: conversation.statusSince,
        medium: conversation.activeMediaType ?? conversation.originalMediaType,
        error: conversation.errorMessage,
      });
    }
    this.#paint(conversationId);
  }

  #follow() {
    return this.#line.subscribe({
      query: feed,
      variables: () => ({}),
      next: ({ data }) => {
        const status = data?.feedStatusChanged as { staleSince: string | null } | undefined;
        if (!status) return;
        const stale = staleSinceOf(status);
        if (stale === this.#genesysStaleSince) return;
        this.#genesysStaleSince = stale;
        this.#paintAll();
      },
    });
  }

  #lineIs(open: boolean) {
    this.#lostSince = open ? null : (this.#lostSince ?? Date.now());
    this.#paintAll();
  }

  #paintAll() {
    for (const id of this.#badges.keys()) this.#paint(id);
  }

  /** Changes are drawn together: the first at once, what follows in one pass a moment later. */
  #paint(id: string) {
    this.#dirty.add(id);
    if (this.#painting) return;
    this.#painting = true;
    const wait = this.#drawnAt + drawEvery - performance.now();
    if (wait > 0 || document.hidden) setTimeout(() => this.#drawInFrame(), Math.max(wait, 0));
    else this.#drawInFrame();
  }

  /** A hidden page has no frames, and yet must not hoard what it is told. */
  #drawInFrame() {
    if (document.hidden) this.#draw(Number.POSITIVE_INFINITY);
    else requestAnimationFrame(() => this.#draw(drawFor));
  }

  #draw(ms: number) {
    this.#drawnAt = performance.now();
    const stale = this.staleSince();
    for (const id of this.#dirty) {
      this.#dirty.delete(id);
      this.#show(id, stale);
      if (performance.now() - this.#drawnAt >= ms) break;
    }
    this.#painting = this.#dirty.size > 0;
    if (this.#painting) this.#drawInFrame();
  }

  #show(id: string, stale: number | null) {
    const told = this.#known.get(id) ?? null;
    const wait = told ? heldBackFor(told, Date.now()) : 0;
    if (wait > 0) {
      // What is shown stays for now; only if nothing else has come by then, this is shown.
      setTimeout(() => this.#known.get(id) === told && this.#paint(id), wait);
      return;
    }
    for (const badge of this.#badges.get(id) ?? []) badge.show(told, stale);
  }

  #tick() {
    for (const [id, badges] of this.#badges) {
      if ([...badges].some(({ visible }) => visible)) this.#paint(id);
    }
  }
}

class Group {
  after: string | null = null;
  stop: () => void = () => {};
  constructor(readonly ids: Set<string>) {}
}
