import Flashbar, { type FlashbarProps } from '@cloudscape-design/components/flashbar';
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from 'react';
import { useLocation } from 'react-router';
import { useTexts } from '../texts/use';

type Kind = 'success' | 'error' | 'info';
interface Notice {
  id: number;
  kind: Kind;
  text: string;
  at: number;
}

/** A notice told this long before its page is left belongs to that page, in ms. */
const OLD = 1000;

const Tell = createContext<(kind: Kind, text: string) => void>(() => {});
const All = createContext<{ notices: Notice[]; dismiss(id: number): void; leavePage(): void }>({
  notices: [],
  dismiss: () => {},
  leavePage: () => {},
});

/** Returns how a page says what became of something, also when the person is on another page by then. */
export function useTell(): (kind: Kind, text: string) => void {
  return useContext(Tell);
}

/** Keeps the notices of everything inside. */
export function Notices({ children }: { children: ReactNode }) {
  const [notices, setNotices] = useState<Notice[]>([]);
  const dismiss = useCallback((id: number) => setNotices((all) => all.filter((n) => n.id !== id)), []);
  const tell = useCallback((kind: Kind, text: string) => {
    setNotices((all) => [{ id: (all[0]?.id ?? 0) + 1, kind, text, at: Date.now() }, ...all].slice(0, 5));
  }, []);
  const leavePage = useCallback(() => setNotices((all) => all.filter((n) => Date.now() - n.at < OLD)), []);
  const value = useMemo(() => ({ notices, dismiss, leavePage }), [notices, dismiss, leavePage]);
  return (
    <Tell value={tell}>
      <All value={value}>{children}</All>
    </Tell>
  );
}

/** Shows them. */
export function NoticeBar() {
  const { t } = useTexts();
  const { notices, dismiss, leavePage } = useContext(All);
  const { pathname } = useLocation();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the page is what changes
  useEffect(leavePage, [pathname]);
  const items = notices.map(
    (n): FlashbarProps.MessageDefinition => ({
      id: String(n.id),
      type: n.kind,
      content: n.text,
      dismissible: true,
      dismissLabel: t('notice.dismiss'),
      onDismiss: () => dismiss(n.id),
      ariaRole: n.kind === 'error' ? 'alert' : 'status',
    }),
  );
  return <Flashbar items={items} />;
}
