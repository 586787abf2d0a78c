import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { Route, Switch } from "wouter";
import { CasesPage } from "../cases/CasesPage";
import { FeedBanner } from "../feed/FeedBanner";
import { useFeedHealth } from "../feed/useFeedHealth";
import { demoSettings } from "./demoSettings";
import { Header } from "./Header";
import { NotFound } from "./NotFound";

const ConversationsPage = lazy(() => import("../conversations/ConversationsPage"));
const ConversationPage = lazy(() => import("../conversations/ConversationPage"));
const ObjectPage = lazy(() => import("../cases/ObjectPage"));
const WallboardPage = lazy(() => import("../wallboard/WallboardPage"));
const SimulatorDrawer = lazy(() => import("../simulator/SimulatorDrawer"));

export function App() {
  const health = useFeedHealth();
  const [drawer, setDrawer] = useState(false);
  const [simulated, setSimulated] = useState(false);
  const drawerButton = useRef<HTMLButtonElement>(null);
  const closeDrawer = () => {
    setDrawer(false);
    drawerButton.current?.focus();
  };
  useEffect(() => {
    demoSettings().then(({ connect }) => setSimulated(connect.length > 0));
  }, []);
  return (
    <div className={drawer ? "app app-with-drawer" : "app"}>
      <a className="skip" href="#main">
        Skip to content
      </a>
      <Header
        health={health}
        drawer={simulated ? drawer : null}
        drawerButton={drawerButton}
        onDrawer={() => setDrawer(!drawer)}
      />
      <FeedBanner health={health} />
      <main id="main" tabIndex={-1}>
        <Suspense>
          <Switch>
            <Route path="/" component={CasesPage} />
            <Route path="/conversations" component={ConversationsPage} />
            <Route path="/conversations/:id">
              {({ id }) => <ConversationPage key={id} conversationId={id} />}
            </Route>
            <Route path="/cases/:id">
              {({ id }) => <ObjectPage key={id} contextKey="CASE" objectId={id} />}
            </Route>
            <Route path="/tasks/:id">
              {({ id }) => <ObjectPage key={id} contextKey="TASK" objectId={id} />}
            </Route>
            <Route path="/parties/:id">
              {({ id }) => <ObjectPage key={id} contextKey="EXTERNALPARTY" objectId={id} />}
            </Route>
            <Route path="/wallboard" component={WallboardPage} />
            <Route component={NotFound} />
          </Switch>
        </Suspense>
      </main>
      {drawer && (
        <Suspense>
          <SimulatorDrawer health={health} onClose={closeDrawer} />
        </Suspense>
      )}
    </div>
  );
}
