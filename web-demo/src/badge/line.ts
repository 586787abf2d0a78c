/**
 * The one WebSocket that all badges of a page share: `graphql-transport-ws`, as little of it as
 * badges need. It reconnects for ever, sooner at first, and notices a line that is dead.
 */

export interface Message {
  data?: Record<string, unknown> | null;
  errors?: { message: string; extensions?: { code?: string } }[];
  extensions?: { cursor?: string };
}

export interface Operation {
  query: string;
  /** Asked for at each (re)subscribe, so that a feed goes on behind what it has heard. */
  variables(): Record<string, unknown>;
  next(message: Message): void;
}

export interface LineOptions {
  url: string;
  connectionParams?: (() => Record<string, unknown> | Promise<Record<string, unknown>>) | undefined;
  onState(open: boolean): void;
}

const pingEvery = 10_000;
const pongWithin = 5_000;
const slowest = 10_000;
/** Errors after which the same question would only be refused again. */
const final = new Set(["BAD_USER_INPUT", "FORBIDDEN", "NOT_FOUND"]);

export class Line {
  #socket: WebSocket | null = null;
  #acknowledged = false;
  #operations = new Map<string, Operation>();
  #nextId = 0;
  #failures = 0;
  #timers = new Set<ReturnType<typeof setTimeout>>();
  #pong: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly options: LineOptions) {}

  /** Follows an operation over every loss of the line; returns how to stop. */
  subscribe(operation: Operation): () => void {
    const id = String(++this.#nextId);
    this.#operations.set(id, operation);
    if (this.#acknowledged) this.#start(id, operation);
    else if (!this.#socket) this.#connect();
    return () => {
      if (!this.#operations.delete(id)) return;
      if (this.#acknowledged) this.#send({ id, type: "complete" });
      if (this.#operations.size === 0) this.#close();
    };
  }

  #connect() {
    const socket = new WebSocket(this.options.url, "graphql-transport-ws");
    this.#socket = socket;
    socket.onopen = async () => {
      const payload = await this.options.connectionParams?.();
      this.#send({ type: "connection_init", ...(payload && { payload }) });
    };
    socket.onmessage = ({ data }) => this.#take(JSON.parse(data));
    socket.onclose = () => {
      if (this.#socket === socket) this.#lost();
    };
  }

  #take(message: { type: string; id?: string; payload?: unknown }) {
    const operation = message.id ? this.#operations.get(message.id) : undefined;
    switch (message.type) {
      case "connection_ack":
        this.#acknowledged = true;
        this.#failures = 0;
        this.options.onState(true);
        for (const [id, each] of this.#operations) this.#start(id, each);
        this.#later(pingEvery, () => this.#ping());
        break;
      case "next":
        operation?.next(message.payload as Message);
        break;
      case "error":
      case "complete":
        if (operation && message.id) this.#ended(message.id, operation, message.payload);
        break;
      case "ping":
        this.#send({ type: "pong" });
        break;
      case "pong":
        clearTimeout(this.#pong);
        break;
    }
  }

  /** An operation that the gateway ended is asked for again, unless it will never be served. */
  #ended(id: string, operation: Operation, errors: unknown) {
    const list = Array.isArray(errors) ? (errors as NonNullable<Message["errors"]>) : [];
    if (list.length > 0) operation.next({ errors: list });
    if (list.some(({ extensions }) => final.has(extensions?.code ?? ""))) {
      this.#operations.delete(id);
      return;
    }
    this.#later(1_000, () => {
      if (this.#acknowledged && this.#operations.has(id)) this.#start(id, operation);
    });
  }

  #start(id: string, { query, variables }: Operation) {
    this.#send({ id, type: "subscribe", payload: { query, variables: variables() } });
  }

  #ping() {
    this.#send({ type: "ping" });
    this.#pong = this.#later(pongWithin, () => this.#lost());
    this.#later(pingEvery, () => this.#ping());
  }

  #lost() {
    this.#close();
    this.options.onState(false);
    const ceiling = Math.min(500 * 2 ** this.#failures++, slowest);
    this.#later(ceiling * (0.5 + Math.random() / 2), () => {
      if (this.#operations.size > 0) this.#connect();
    });
  }

  #close() {
    const socket = this.#socket;
    this.#socket = null;
    this.#acknowledged = false;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    socket?.close(1000);
  }

  #later(ms: number, work: () => void) {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      work();
    }, ms);
    this.#timers.add(timer);
    return timer;
  }

  #send(message: object) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }
}
