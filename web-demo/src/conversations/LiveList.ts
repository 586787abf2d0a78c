import type { ApolloClient } from "@apollo/client";
import type { Client } from "graphql-ws";
import { withTypenames } from "../api/documents";
import { follow } from "../feed/follow";
import type {
  ConversationFilter,
  ConversationListChangedSubscription,
  ConversationRowFragment,
} from "../gql/graphql";
import { addPage, applyChanges, ordered, type Rows } from "./liveRows";
import { ConversationList, ConversationListChanged, ConversationRow } from "./operations";

export interface LiveListState {
  rows: readonly ConversationRowFragment[];
  loading: boolean;
  error: string | null;
}

type RowChangeEvent = ConversationListChangedSubscription["conversationChanged"];

interface Options {
  apollo: ApolloClient;
  socket: Client;
  filter: ConversationFilter;
  onRecovered: (changes: number) => void;
  pageSize?: number;
  /** Changes are shown together at most this often, so that a busy hour does not freeze the page. */
  paintEveryMs?: number;
  /** How long a reconnected feed may stay without a verdict before the list is read anew. */
  verdictWithinMs?: number;
}

/**
 * The conversations that match a filter, kept up to date: the list is read once, page by page, and
 * the feed is followed from the cursor that came with the first page.
 */
export class LiveList {
  #state: LiveListState = { rows: [], loading: true, error: null };
  #rows: Rows = new Map();
  #waiting: RowChangeEvent[] = [];
  #recovered = 0;
  #listeners = new Set<() => void>();
  #stops: (() => void)[] = [];
  #paint: ReturnType<typeof setTimeout> | undefined;
  #patience: ReturnType<typeof setTimeout> | undefined;
  #reading = 0;
  #following = false;
  readonly #options: Required<Options>;

  constructor(options: Options) {
    this.#options = { pageSize: 200, paintEveryMs: 100, verdictWithinMs: 2_000, ...options };
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
      clearTimeout(this.#patience);
    };
  }

  /** Reads the whole list. Rows that the gateway no longer lists go, unless a change renewed them meanwhile. */
  async #read() {
    const reading = ++this.#reading;
    const before = this.#rows;
    const listed = new Set<string>();
    try {
      for (let after: string | null = null, more = true; more; ) {
        const page = await this.#page(after);
        if (reading !== this.#reading) return;
        for (const node of page.nodes) listed.add(node.conversationId);
        this.#rows = addPage(this.#rows, page.nodes);
        if (after === null) this.#follow(page.feedCursor);
        more = page.pageInfo.hasNextPage;
        after = page.pageInfo.endCursor ?? null;
        this.#show({ loading: false, error: null });
      }
      const gone = [...before.values()].filter(
        (row) => !listed.has(row.conversationId) && this.#rows.get(row.conversationId) === row,
      );
      this.#rows = applyChanges(
        this.#rows,
        gone.map((row) => ({ ...row, membership: "LEFT", conversation: null })),
      );
      this.#show({});
    } catch (cause) {
      if (reading !== this.#reading) return;
      this.#show({ error: cause instanceof Error ? cause.message : String(cause) });
      this.#patience = setTimeout(() => void this.#read(), this.#options.verdictWithinMs);
    }
  }

  async #page(after: string | null) {
    const { apollo, filter, pageSize } = this.#options;
    const { data } = await apollo.query({
      query: ConversationList,
      variables: { filter, first: pageSize, after },
      fetchPolicy: "network-only",
    });
    if (!data) throw new Error("The gateway sent no list.");
    return data.conversations;
  }

  #follow(after: string) {
    if (this.#following) return;
    this.#following = true;
    this.#stops.push(
      follow(this.#options.socket, {
        document: withTypenames(ConversationListChanged),
        variables: { filter: this.#options.filter, after },
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

  #take(change: RowChangeEvent, recovered: boolean) {
    this.#waiting.push(change);
    if (recovered) this.#recovered += 1;
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

  /** What the feed told goes into the cache as well, so that every other page knows it. */
  #share(changes: readonly RowChangeEvent[]) {
    const { cache } = this.#options.apollo;
    cache.batch({
      update: () => {
        for (const { conversation } of changes) {
          if (!conversation) continue;
          cache.writeFragment({
            from: conversation,
            fragment: ConversationRow,
            data: conversation,
          });
        }
      },
    });
  }

  #show(part: Partial<Omit<LiveListState, "rows">>) {
    this.#state = { ...this.#state, ...part, rows: ordered(this.#rows) };
    for (const tell of this.#listeners) tell();
  }
}
