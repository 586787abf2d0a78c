import "./workers";
import { GraphiQL } from "graphiql";
import { createRoot } from "react-dom/client";
import "graphiql/style.css";
import "./graphiql.css";
import { examples } from "./examples";
import { fetcher } from "./fetcher";
import { nameTabStrip } from "./tabStrip";

const root = document.getElementById("graphiql");
if (!root) throw new Error("The page has no #graphiql.");

nameTabStrip(root);

createRoot(root).render(
  <GraphiQL
    fetcher={fetcher}
    defaultTabs={examples.map(({ query, variables }) => ({ query, variables: variables ?? null }))}
    isHeadersEditorEnabled
    shouldPersistHeaders
    inputValueDeprecation
    defaultEditorToolsVisibility="variables"
  >
    <GraphiQL.Logo>
      <a className="graphiql-home" href="/">
        Conversation Gateway
      </a>
    </GraphiQL.Logo>
  </GraphiQL>,
);
