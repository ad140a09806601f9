import type { NewToken, Scope } from '../api/client';
import type { FieldError } from '../api/failure';
import { type Expiry, endOf, mayNeverEnd, type Policy, rfc3339, SHORTEST } from './expiry';
import { type Mistake, sortMistakes } from './mistake';
import { judgeNetwork } from './network';

/** What a person has filled in so far. */
export interface Draft {
  name: string;
  description: string;
  scopes: string[];
  expiry: Expiry;
  /** Networks as typed: one a line, or separated by commas or spaces. */
  networks: string;
}

export const MAX_NAME = 80;
export const MAX_DESCRIPTION = 500;
export const MAX_SCOPES = 32;
export const MAX_NETWORKS = 16;

/** The fields in the order of the form, by their names on the wire. */
export const FIELDS = ['name', 'description', 'expires_at', 'scopes', 'allowed_cidrs'] as const;
export type Field = (typeof FIELDS)[number];

/** What is wrong, by field. */
export type Mistakes = Partial<Record<Field, Mistake>>;

/**
 * Finds what the server would refuse and a person can see at once. Everything
 * else is the server's to judge; its answers come back to the fields.
 */
export function mistakesIn(draft: Draft, policy: Policy, now: number, created = now): Mistakes {
  const found: Mistakes = {};
  const name = lengthOf(draft.name.trim());
  if (name === 0) found.name = { text: 'mistake.name.empty' };
  else if (name > MAX_NAME) found.name = { text: 'mistake.name.long' };
  else if ([...draft.name.trim()].some(isInvisible)) found.name = { text: 'mistake.name.invisible' };
  if (lengthOf(draft.description) > MAX_DESCRIPTION) found.description = { text: 'mistake.description.long' };
  const end = endOf(draft.expiry, policy, now, created);
  if (end === undefined) found.expires_at = { text: 'mistake.expiry.date' };
  else if (end !== null && end < now + SHORTEST) found.expires_at = { text: 'mistake.expiry.past' };
  if (draft.scopes.length === 0) found.scopes = { text: 'mistake.scopes.none' };
  else if (draft.scopes.length > MAX_SCOPES) found.scopes = { text: 'mistake.scopes.many' };
  const wrong = mistakeInNetworks(networksOf(draft.networks));
  if (wrong) found.allowed_cidrs = wrong;
  return found;
}

function mistakeInNetworks(typed: readonly string[]): Mistake | undefined {
  if (typed.length > MAX_NETWORKS) return { text: 'mistake.networks.many' };
  const seen = new Set<string>();
  for (const cidr of typed) {
    const judged = judgeNetwork(cidr);
    if ('wrong' in judged) {
      if (judged.wrong === 'form') return { text: 'mistake.networks.form' };
      return { text: 'mistake.networks.hostBits', values: { cidr, network: judged.network } };
    }
    if (seen.has(judged.network)) return { text: 'mistake.networks.twice', values: { cidr } };
    seen.add(judged.network);
  }
  return undefined;
}

/** The request that a draft makes. */
export function requestOf(draft: Draft, policy: Policy, now: number, created = now): NewToken {
  const end = endOf(draft.expiry, policy, now, created);
  return {
    name: draft.name.trim(),
    description: draft.description,
    scopes: draft.scopes,
    expires_at: end == null ? null : rfc3339(end),
    allowed_cidrs: networksOf(draft.networks),
  };
}

/** What shows nothing, or could be taken for nothing; the server refuses a little more. */
function isInvisible(character: string): boolean {
  if (character === ' ') return false;
  return /\p{Default_Ignorable_Code_Point}/u.test(character) || !/[\p{L}\p{M}\p{N}\p{P}\p{S}]/u.test(character);
}

export function networksOf(typed: string): string[] {
  return typed.split(/[\s,;]+/).filter(Boolean);
}

/** Sorts a refusal's messages to the fields; those of no field of ours are left over. */
export function mistakesOf(errors: readonly FieldError[]): { mistakes: Mistakes; rest: string[] } {
  return sortMistakes(errors, FIELDS);
}

/** Code points, as the server counts. */
function lengthOf(text: string): number {
  return [...text].length;
}

/** A group of scopes under one heading. */
export interface Category {
  name: string;
  scopes: Scope[];
}

/** The scopes that a person may grant, in the catalogue's order, by category. */
export function categoriesOf(scopes: readonly Scope[]): Category[] {
  const categories: Category[] = [];
  for (const scope of scopes.filter((s) => s.grantable)) {
    const there = categories.find((c) => c.name === scope.category);
    if (there) there.scopes.push(scope);
    else categories.push({ name: scope.category, scopes: [scope] });
  }
  return categories;
}

/** What an address fills in: /tokens/new?name=ci&scopes=notes:read. Never more than the form could. */
export function prefillOf(
  params: URLSearchParams,
  scopes: readonly Scope[],
  policy: Policy,
): { draft: Partial<Draft>; refused: string[] } {
  const draft: Partial<Draft> = {};
  const name = params.get('name');
  if (name !== null) draft.name = [...name].slice(0, MAX_NAME).join('');
  const description = params.get('description');
  if (description !== null) draft.description = [...description].slice(0, MAX_DESCRIPTION).join('');
  const asked = (params.get('scopes') ?? '').split(/[\s,]+/).filter(Boolean);
  const grantable = new Set(scopes.filter((s) => s.grantable).map((s) => s.name));
  draft.scopes = [...new Set(asked.filter((s) => grantable.has(s)))];
  const days = params.get('days');
  const most = policy.max_lifetime_days ?? 9999;
  if (days === 'never' && mayNeverEnd(policy)) draft.expiry = { kind: 'never' };
  else if (days !== null && /^[1-9]\d{0,3}$/.test(days) && Number(days) <= most) {
    draft.expiry = { kind: 'days', days: Number(days) };
  }
  const networks = params.get('networks');
  if (networks !== null) draft.networks = networks.slice(0, 800);
  return {
    draft,
    refused: [...new Set(asked.filter((s) => !grantable.has(s)))].map((s) => s.slice(0, 40)).slice(0, 10),
  };
}
