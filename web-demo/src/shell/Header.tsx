import { Link, useRoute } from "wouter";
import { FeedIndicator } from "../feed/FeedIndicator";
import type { FeedHealth } from "../feed/useFeedHealth";
import { ThemeToggle } from "./ThemeToggle";

export function Header({ health }: { health: FeedHealth }) {
  return (
    <header className="header">
      <Link href="/" className="brand" aria-label="Conversation Gateway, home">
        <svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
          <rect width="32" height="32" rx="8" className="brand-tile" />
          <path d="M8 20V12M13 23V9M18 19v-6M24 22V10" className="brand-bars" />
        </svg>
        <span className="brand-name">Conversation Gateway</span>
      </Link>
      <nav className="nav" aria-label="Pages">
        <NavLink href="/">Conversations</NavLink>
        <a href="/graphiql">GraphiQL</a>
      </nav>
      <div className="header-tools">
        <FeedIndicator health={health} />
        <ThemeToggle />
      </div>
    </header>
  );
}

function NavLink({ href, children }: { href: string; children: string }) {
  const [here] = useRoute(href);
  return (
    <Link href={href} aria-current={here ? "page" : undefined}>
      {children}
    </Link>
  );
}
