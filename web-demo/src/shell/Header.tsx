import { lazy, type Ref, Suspense } from "react";
import { Link, useLocation } from "wouter";
import { FeedIndicator } from "../feed/FeedIndicator";
import type { FeedHealth } from "../feed/useFeedHealth";
import { Icon } from "../icons/Icon";
import { ThemeToggle } from "./ThemeToggle";

const ScreenPop = lazy(() => import("../pop/ScreenPop"));

interface Props {
  health: FeedHealth;
  /** Whether the simulator stands open; null where there is none. */
  drawer: boolean | null;
  drawerButton: Ref<HTMLButtonElement>;
  onDrawer: () => void;
}

export function Header({ health, drawer, drawerButton, onDrawer }: Props) {
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
        <NavLink href="/" under="/cases/">
          Cases
        </NavLink>
        <NavLink href="/conversations" under="/conversations/">
          Conversations
        </NavLink>
        <NavLink href="/wallboard">Wallboard</NavLink>
        <a href="/graphiql">GraphiQL</a>
      </nav>
      <div className="header-tools">
        <Suspense>
          <ScreenPop />
        </Suspense>
        <FeedIndicator health={health} />
        {drawer !== null && (
          <button
            type="button"
            ref={drawerButton}
            className="tool-button"
            title="Play Genesys: begin conversations, break the feed"
            aria-expanded={drawer}
            onClick={onDrawer}
          >
            <Icon name="sliders" size={18} />
            <span className="tool-words">Simulator</span>
          </button>
        )}
        <ThemeToggle />
      </div>
    </header>
  );
}

interface NavLinkProps {
  href: string;
  /** Pages below it, which count as it. */
  under?: string;
  children: string;
}

function NavLink({ href, under, children }: NavLinkProps) {
  const [path] = useLocation();
  const here = path === href || (under !== undefined && path.startsWith(under));
  return (
    <Link href={href} aria-current={here ? "page" : undefined}>
      {children}
    </Link>
  );
}
