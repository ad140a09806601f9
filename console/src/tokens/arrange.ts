import type { Token } from '../api/client';
import { isUnused, standingOf } from './standing';

/** The views of the list: each a counter that filters. */
export const VIEWS = ['active', 'expiring', 'unused', 'disabled', 'expired', 'revoked', 'all'] as const;
export type View = (typeof VIEWS)[number];

export const SORTS = ['name', 'status', 'created', 'expires', 'used'] as const;
export type Sort = (typeof SORTS)[number];

/** What a person asked the list for. All of it stands in the address. */
export interface Query {
  view: View;
  search: string;
  sort: Sort;
  descending: boolean;
  page: number; // from 1
}

export const INITIAL: Query = { view: 'active', search: '', sort: 'created', descending: true, page: 1 };
export const PAGE_SIZE = 20;

export interface Arranged {
  rows: Token[];
  matches: number;
  pages: number;
  page: number;
  counts: Record<View, number>;
}

/** Chooses, sorts and pages what is shown of the tokens that have arrived. */
export function arrange(tokens: readonly Token[], query: Query, now: number): Arranged {
  const counts = Object.fromEntries(VIEWS.map((v) => [v, 0])) as Record<View, number>;
  for (const token of tokens) {
    for (const view of VIEWS) if (belongs(token, view, now)) counts[view]++;
  }
  const words = query.search.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  const found = tokens
    .filter((t) => belongs(t, query.view, now) && words.every((word) => textOf(t).includes(word)))
    .toSorted((a, b) => (query.descending ? -1 : 1) * compare(a, b, query.sort, now));
  const pages = Math.max(1, Math.ceil(found.length / PAGE_SIZE));
  const page = Math.min(query.page, pages);
  return {
    rows: found.slice((page - 1) * PAGE_SIZE, page * PAGE_SIZE),
    matches: found.length,
    pages,
    page,
    counts,
  };
}

function belongs(token: Token, view: View, now: number): boolean {
  const { kind } = standingOf(token, now);
  switch (view) {
    case 'all':
      return true;
    case 'active':
      return kind === 'active' || kind === 'expiring';
    case 'unused':
      return isUnused(token, now);
    default:
      return kind === view;
  }
}

function textOf(token: Token): string {
  return [token.name, token.description, token.hint, ...token.scopes].join('\n').toLocaleLowerCase();
}

function compare(a: Token, b: Token, sort: Sort, now: number): number {
  // What is equal keeps the server's order: newest first.
  switch (sort) {
    case 'name':
      return a.name.localeCompare(b.name, undefined, { numeric: true, sensitivity: 'base' });
    case 'status':
      return rank(a, now) - rank(b, now);
    case 'created':
      return time(a.created_at) - time(b.created_at);
    case 'expires': // never is last
      return order(time(a.effective_expires_at, Infinity), time(b.effective_expires_at, Infinity));
    case 'used': // never is first
      return order(time(a.last_used_at, -Infinity), time(b.last_used_at, -Infinity));
  }
}

function rank(token: Token, now: number): number {
  return ['expiring', 'active', 'disabled', 'expired', 'revoked'].indexOf(standingOf(token, now).kind);
}

function time(at: string | null, none = 0): number {
  return at === null ? none : Date.parse(at);
}

/** Infinity - Infinity is no number. */
function order(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** Reads a query out of an address; what makes no sense there is the default. */
export function readQuery(params: URLSearchParams): Query {
  const page = Number(params.get('page') ?? 1);
  const sort = oneOf(SORTS, params.get('sort')) ?? INITIAL.sort;
  return {
    view: oneOf(VIEWS, params.get('view')) ?? INITIAL.view,
    search: (params.get('q') ?? '').slice(0, 100),
    sort,
    descending: params.has('order') ? params.get('order') === 'desc' : sort === INITIAL.sort,
    page: Number.isSafeInteger(page) && page > 0 ? page : 1,
  };
}

/** Writes a query into an address, leaving out what is the default. */
export function writeQuery(query: Query): URLSearchParams {
  const params = new URLSearchParams();
  if (query.view !== INITIAL.view) params.set('view', query.view);
  if (query.search !== '') params.set('q', query.search);
  if (query.sort !== INITIAL.sort) params.set('sort', query.sort);
  if (query.descending !== (query.sort === INITIAL.sort)) params.set('order', query.descending ? 'desc' : 'asc');
  if (query.page !== 1) params.set('page', String(query.page));
  return params;
}

function oneOf<T extends string>(all: readonly T[], value: string | null): T | undefined {
  return all.find((v) => v === value);
}
