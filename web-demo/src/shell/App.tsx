import { Route, Switch } from "wouter";
import { ConversationsPage } from "../conversations/ConversationsPage";
import { FeedBanner } from "../feed/FeedBanner";
import { useFeedHealth } from "../feed/useFeedHealth";
import { Header } from "./Header";
import { NotFound } from "./NotFound";

export function App() {
  const health = useFeedHealth();
  return (
    <>
      <a className="skip" href="#main">
        Skip to content
      </a>
      <Header health={health} />
      <FeedBanner health={health} />
      <main id="main" tabIndex={-1}>
        <Switch>
          <Route path="/" component={ConversationsPage} />
          <Route component={NotFound} />
        </Switch>
      </main>
    </>
  );
}
