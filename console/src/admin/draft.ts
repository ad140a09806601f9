import type { TokenPolicy } from '../api/client';
import type { FieldError } from '../api/failure';
import { type Mistake, sortMistakes } from '../tokens/mistake';

/** A limit that may be off. What was typed stays when it is turned off and on again. */
export interface Limit {
  on: boolean;
  typed: string;
}

/** The fields of the policy in the order of the form, by their names on the wire. */
export const POLICY_FIELDS = [
  'max_lifetime_days',
  'default_lifetime_days',
  'require_expiry',
  'max_idle_days',
  'max_absence_days',
  'max_tokens_per_person',
  'creator_groups',
  'reauth_seconds',
] as const satisfies readonly (keyof TokenPolicy)[];
export type PolicyField = (typeof POLICY_FIELDS)[number];

/** Those that are a number or nothing, with their bounds. */
export const LIMITS = {
  max_lifetime_days: { least: 1, most: 3650, first: '365' },
  default_lifetime_days: { least: 1, most: 3650, first: '90' },
  max_idle_days: { least: 1, most: 3650, first: '180' },
  max_absence_days: { least: 1, most: 3650, first: '90' },
  reauth_seconds: { least: 60, most: 86_400, first: '3600' },
} as const;
export type LimitField = keyof typeof LIMITS;
const limitFields = Object.keys(LIMITS) as LimitField[];

export const CAP = { least: 1, most: 500 } as const;
export const MAX_GROUPS = 32;
export const MAX_GROUP = 256;

/** What an administrator has filled in so far. */
export interface PolicyDraft extends Record<LimitField, Limit> {
  require_expiry: boolean;
  max_tokens_per_person: string;
  /** The groups that may create tokens, one a line. */
  creator_groups: Limit;
}

export function draftOf(policy: TokenPolicy): PolicyDraft {
  const limit = (field: LimitField): Limit => {
    const value = policy[field];
    return value === null ? { on: false, typed: LIMITS[field].first } : { on: true, typed: String(value) };
  };
  return {
    max_lifetime_days: limit('max_lifetime_days'),
    default_lifetime_days: limit('default_lifetime_days'),
    max_idle_days: limit('max_idle_days'),
    max_absence_days: limit('max_absence_days'),
    reauth_seconds: limit('reauth_seconds'),
    require_expiry: policy.require_expiry,
    max_tokens_per_person: String(policy.max_tokens_per_person),
    creator_groups: { on: policy.creator_groups !== null, typed: (policy.creator_groups ?? []).join('\n') },
  };
}

export function samePolicy(a: TokenPolicy, b: TokenPolicy): boolean {
  return JSON.stringify(draftOf(a)) === JSON.stringify(draftOf(b));
}

/** The draft on top of another policy: what this person did not touch is as it is there. */
export function rebased(draft: PolicyDraft, was: TokenPolicy, now: TokenPolicy): PolicyDraft {
  const [before, after] = [draftOf(was), draftOf(now)];
  const untouched = POLICY_FIELDS.filter((field) => JSON.stringify(draft[field]) === JSON.stringify(before[field]));
  return { ...draft, ...Object.fromEntries(untouched.map((field) => [field, after[field]])) };
}

/** The policy that a draft without mistakes makes. */
export function policyOf(draft: PolicyDraft): TokenPolicy {
  const value = (field: LimitField) => (draft[field].on ? Number(draft[field].typed) : null);
  return {
    max_lifetime_days: value('max_lifetime_days'),
    default_lifetime_days: value('default_lifetime_days'),
    require_expiry: draft.require_expiry,
    max_tokens_per_person: Number(draft.max_tokens_per_person),
    creator_groups: draft.creator_groups.on ? groupsOf(draft.creator_groups.typed) : null,
    max_idle_days: value('max_idle_days'),
    max_absence_days: value('max_absence_days'),
    reauth_seconds: value('reauth_seconds'),
  };
}

/** A group's name may hold spaces and commas: one a line. */
export function groupsOf(typed: string): string[] {
  return typed
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
}

/** What is wrong, by field. */
export type PolicyMistakes = Partial<Record<PolicyField, Mistake>>;

/** Finds at once what the server would refuse and can be seen here. */
export function mistakesIn(draft: PolicyDraft): PolicyMistakes {
  const found: PolicyMistakes = {};
  const outside = (field: PolicyField, typed: string, { least, most }: { least: number; most: number }) => {
    const good = /^\d{1,9}$/.test(typed) && Number(typed) >= least && Number(typed) <= most;
    if (!good) found[field] = { text: 'policy.mistake.number', values: { least, most } };
  };
  for (const field of limitFields) if (draft[field].on) outside(field, draft[field].typed, LIMITS[field]);
  outside('max_tokens_per_person', draft.max_tokens_per_person, CAP);
  const { max_lifetime_days: most, default_lifetime_days: first } = draft;
  if (most.on && first.on && !found.max_lifetime_days && Number(first.typed) > Number(most.typed)) {
    found.default_lifetime_days ??= { text: 'policy.mistake.default' };
  }
  if (draft.creator_groups.on) {
    const groups = groupsOf(draft.creator_groups.typed);
    const twice = groups.find((group, i) => groups.indexOf(group) < i);
    if (groups.length > MAX_GROUPS)
      found.creator_groups = { text: 'policy.mistake.groups', values: { most: MAX_GROUPS } };
    else if (groups.some((group) => [...group].length > MAX_GROUP)) {
      found.creator_groups = { text: 'policy.mistake.group', values: { most: MAX_GROUP } };
    } else if (twice !== undefined) found.creator_groups = { text: 'policy.mistake.twice', values: { group: twice } };
  }
  return found;
}

/** Sorts a refusal's messages to the fields; those of no field of ours are left over. */
export function refusedFields(errors: readonly FieldError[]): { mistakes: PolicyMistakes; rest: string[] } {
  return sortMistakes(errors, POLICY_FIELDS);
}
