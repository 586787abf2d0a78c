import type { ApolloClient } from "@apollo/client";
import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import type { Client } from "graphql-ws";
import { withTypenames } from "../api/documents";
import { type Change, type FeedVariables, follow } from "../feed/follow";
import type { ConversationFilter } from "../gql/graphql";
import {
  addPage,
  applyChanges,
  type LiveRow,
  ordered,
  type RowChange,
  type Rows,
} from "./liveRows";

export interface LivePage<TRow extends LiveRow> {
  nodes: readonly TRow[];
  /** The place in the change log from which on the feed tells what this page does not. */
  feedCursor: string;
  /** Where the next page begins; null at the end of the list. */
  next: string | null;
}

type ListChange<TRow extends LiveRow> = Change & RowChange<TRow>;

/** Which conversations a list holds, what of each, and how they are read. */
export interface LiveSource<TRow extends LiveRow> {
  page(apollo: ApolloClient, after: string | null, size: number): Promise<LivePage<TRow>>;
  filter: ConversationFilter | null;
  changes: TypedDocumentNode<
    { conversationChanged: ListChange<TRow> },
    FeedVariables & { filter?: ConversationFilter | null }
  >;
  fragment: TypedDocumentNode<TRow>;
  fragmentName: string;
  /** What the feed tells beyond that is left out. */
  belongs?: (row: TRow) => boolean;
  /** Most conversations that are read; without, all. */
  most?: number;
}

export interface LiveListState<TRow extends LiveRow> {
  rows: readonly TRow[];
  loading: boolean;
  error: string | null;
}

interface Options<TRow extends LiveRow> {
  apollo: ApolloClient;
  socket: Client;
  source: LiveSource<TRow>;
  onRecovered: (changes: number) => void;
  pageSize?: number;
  /** Changes are shown together at most this often, so that a busy hour does not freeze the page. */
  paintEveryMs?: number;
  /** How long a reconnected feed may stay without a verdict before the list is read anew. */
  verdictWithinMs?: number;
  /** After so long the list is read again when it could not be read. */
  retryAfterMs?: number;
}

/**
 * The conversations of a source, kept up to date: the list is read once, page by page, and the feed
 * is followed from the cursor that came with the first page.
 */
export class LiveList<TRow extends LiveRow> {
  #state: LiveListState<TRow> = { rows: [], loading: true, error: null };
  #rows: Rows<TRow> = new Map();
  #waiting: ListChange<TRow>[] = [];
  #recovered = 0;
  #listeners = new Set<() => void>();
  #stops: (() => void)[] = [];
  #paint: ReturnType<typeof setTimeout> | undefined;
  #patience: ReturnType<typeof setTimeout> | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #reading = 0;
  #following = false;
  readonly #options: Required<Options<TRow>>;

  constructor(options: Options<TRow>) {
    this.#options = {
      pageSize: 200,
      paintEveryMs: 100,
      verdictWithinMs: 2_000,
      retryAfterMs: 2_000,
      ...options,
    };
  }

  state = () => this.#state;

  subscribe = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  start(): () => void {
    const { socket } = this.#options;
    this.#stops.push(
      socket.on("connected", (_socket, _payload, wasRetry) => {
        if (wasRetry) this.#expectVerdict();
      }),
    );
    void this.#read();
    return () => {
      this.#reading += 1;
      for (const stop of this.#stops) stop();
      this.#stops = [];
      this.#following = false;
      clearTimeout(this.#paint);
      this.#paint = undefined;
      clearTimeout(this.#patience);
      clearTimeout(this.#retry);
    };
  }

  /** Reads the whole list. Rows that the gateway no longer lists go, unless a change renewed them meanwhile. */
  async #read() {
    clearTimeout(this.#retry);
    const { apollo, source, pageSize } = this.#options;
    const reading = ++this.#reading;
    const before = this.#rows;
    const listed = new Set<string>();
    try {
      for (let after: string | null = null, more = true; more; ) {
        const page: LivePage<TRow> = await source.page(apollo, after, pageSize);
        if (reading !== this.#reading) return;
        for (const node of page.nodes) listed.add(node.conversationId);
        this.#rows = addPage(this.#rows, page.nodes);
        if (after === null) this.#follow(page.feedCursor);
        more = page.next !== null && listed.size < (source.most ?? Number.POSITIVE_INFINITY);
        after = page.next;
        this.#show({ loading: false, error: null });
      }
      const gone = [...before.values()].filter(
        (row) => !listed.has(row.conversationId) && this.#rows.get(row.conversationId) === row,
      );
      this.#rows = applyChanges(
        this.#rows,
        gone.map((row) => ({ ...row, membership: "LEFT" as const, conversation: null })),
      );
      this.#show({});
    } catch (cause) {
      if (reading !== this.#reading) return;
      this.#show({ error: cause instanceof Error ? cause.message : String(cause) });
      this.#retry = setTimeout(() => void this.#read(), this.#options.retryAfterMs);
    }
  }

  #follow(after: string) {
    if (this.#following) return;
    this.#following = true;
    const { source, socket } = this.#options;
    this.#stops.push(
      follow(socket, {
        document: withTypenames(source.changes),
        variables: { filter: source.filter, after },
        change: (data) => data.conversationChanged,
        onChange: (change, recovered) => this.#take(change, recovered),
        onVerdict: (verdict) => {
          clearTimeout(this.#patience);
          if (verdict.recovered !== "RESUMED") void this.#read();
        },
        onRefused: (error) => this.#show({ error }),
      }),
    );
  }

  #expectVerdict() {
    clearTimeout(this.#patience);
    this.#patience = setTimeout(() => void this.#read(), this.#options.verdictWithinMs);
  }

  #take(change: ListChange<TRow>, recovered: boolean) {
    if (recovered) this.#recovered += 1;
    const { belongs } = this.#options.source;
    const wanted = !change.conversation || !belongs || belongs(change.conversation);
    this.#waiting.push(wanted ? change : { ...change, membership: "LEFT" });
    this.#paint ??= setTimeout(() => this.#flush(), this.#options.paintEveryMs);
  }

  #flush() {
    this.#paint = undefined;
    const changes = this.#waiting;
    this.#waiting = [];
    this.#rows = applyChanges(this.#rows, changes);
    this.#share(changes);
    this.#options.onRecovered(this.#recovered);
    this.#recovered = 0;
    this.#show({});
  }

  /** What the feed told goes into the cache as well, so that every other page knows it; what left the list leaves it. */
  #share(changes: readonly ListChange<TRow>[]) {
    const { apollo, source } = this.#options;
    const { fragment, fragmentName } = source;
    apollo.cache.batch({
      update: (cache) => {
        for (const { conversation, conversationId, membership } of changes) {
          const id = cache.identify({
            conversationId,
            ...conversation,
            __typename: "Conversation",
          });
          if (!id) continue;
          if (membership === "LEFT" || !conversation) cache.evict({ id });
          else {
            const data = conversation as never;
            cache.writeFragment<TRow>({ id, fragment, fragmentName, data });
          }
        }
      },
    });
  }

  #show(part: Partial<Omit<LiveListState<TRow>, "rows">>) {
    this.#state = { ...this.#state, ...part, rows: ordered(this.#rows) };
    for (const tell of this.#listeners) tell();
  }
}
