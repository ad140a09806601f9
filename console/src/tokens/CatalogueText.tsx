import type { ReactNode } from 'react';

/**
 * What the scope catalogue says. It is in the deployment's language, which nobody
 * tells us: an empty lang is HTML's word for that, and keeps a reader's voice
 * from taking it for the page's language.
 */
export function CatalogueText({ children }: { children: ReactNode }) {
  return <span lang="">{children}</span>;
}
