// A gateway with its simulated organisation, which makes no traffic of its own, in front of which
// the tests stand.
import { spawn } from "node:child_process";
import { once } from "node:events";

const startsWithinMs = 30_000;
const program = process.env.GATEWAY_BIN ?? "../../target/debug/conversation-gateway";

/** Starts a gateway on free ports and waits until it has told its addresses. */
export async function startGateway() {
  const args = ["demo", "--port", "0", "--sim-port", "0", "--quiet-org"];
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  let output = "";
  const keep = (part) => {
    output = (output + part).slice(-8_000);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const deadline = Date.now() + startsWithinMs;
  const address = () => /GraphiQL +(http:\S+)\/graphiql/.exec(output)?.[1];
  const simulator = () => /simulator +(http:\S+)\//.exec(output)?.[1];
  while (!(address() && simulator())) {
    if (child.exitCode !== null || Date.now() > deadline) {
      throw new Error(`The gateway did not start:\n${output}`);
    }
    await new Promise((done) => setTimeout(done, 50));
  }
  const stop = async () => {
    process.removeListener("exit", kill);
    if (child.exitCode === null) {
      child.kill("SIGTERM");
      await once(child, "exit");
    }
  };
  return new Gateway(address(), simulator(), stop);
}

class Gateway {
  constructor(url, simulatorUrl, stop) {
    this.url = `${url}/graphql`;
    this.socketUrl = this.url.replace("http", "ws");
    this.simulatorUrl = simulatorUrl;
    this.stop = stop;
  }

  /** Registers a new conversation and gives its id. */
  async register() {
    const conversationId = crypto.randomUUID();
    const query = `mutation ($id: ID!) {
      registerConversation(input: { conversationId: $id, initiatedBy: DCM }) { created }
    }`;
    const response = await fetch(this.url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query, variables: { id: conversationId } }),
    });
    const { data, errors } = await response.json();
    if (!data?.registerConversation.created) throw new Error(JSON.stringify(errors));
    return conversationId;
  }
}
