import type { ReactNode } from 'react';
import type { Event } from '../api/client';
import { exactly } from '../app/Moment';
import type { TextKey } from '../texts/en';
import type { Texts } from '../texts/use';

const FIELDS: Record<NonNullable<Event['data']['changed']>[number], TextKey> = {
  name: 'token.name',
  description: 'token.description',
  scopes: 'token.scopes',
  expires_at: 'token.expires',
  allowed_cidrs: 'token.networks',
  max_lifetime_days: 'policy.maxLifetime',
  default_lifetime_days: 'policy.defaultLifetime',
  require_expiry: 'policy.requireExpiry',
  max_tokens_per_person: 'policy.cap',
  creator_groups: 'policy.creators',
  max_idle_days: 'policy.idle',
  max_absence_days: 'policy.absence',
  reauth_seconds: 'policy.reauth',
};

const REASONS: Record<NonNullable<Event['data']['reason']>, TextKey> = {
  revoked: 'trail.reason.revoked',
  expired: 'trail.reason.expired',
  disabled: 'trail.reason.disabled',
  replaced: 'trail.reason.replaced',
  network: 'trail.reason.network',
  insufficient_scope: 'trail.reason.insufficientScope',
  forbidden: 'trail.reason.forbidden',
};

const SENTENCES: Record<Event['type'], TextKey> = {
  'counterfoil.token.created': 'trail.created',
  'counterfoil.token.updated': 'trail.updated',
  'counterfoil.token.rotated': 'trail.rotated',
  'counterfoil.token.revoked': 'trail.revoked',
  'counterfoil.token.new_network': 'trail.newNetwork',
  'counterfoil.token.refused': 'trail.refused',
  'counterfoil.token.expiring': 'trail.expiring',
  'counterfoil.token.idling': 'trail.idling',
  'counterfoil.person.disabled': 'trail.disabled',
  'counterfoil.person.enabled': 'trail.enabled',
  'counterfoil.person.tokens_revoked': 'trail.allRevoked',
  'counterfoil.policy.changed': 'trail.policy',
  'counterfoil.item.unreadable': 'trail.unreadable',
};

/** How a token and a person are drawn, the page knows: as a link or not. */
export interface Draw {
  token(id: string, owner?: string): ReactNode;
  person(sub: string): ReactNode;
}

/** Refusals in one sentence. There are at least so many where more of them may be on the next page. */
export function refusalsOf(
  { t, rich }: Texts,
  { data }: Event,
  count: number,
  atLeast: boolean,
  draw: Draw,
): ReactNode {
  return rich('trail.refusedTimes', {
    token: data.token_id === undefined ? t('trail.something') : draw.token(data.token_id, data.owner),
    reason: reasonOf(t, data),
    least: atLeast ? 'yes' : 'no',
    count,
  });
}

/** An event in a sentence. */
export function sentenceOf(texts: Texts, { type, data }: Event, draw: Draw): ReactNode {
  const { t, rich, intl } = texts;
  const key = SENTENCES[type];
  if (!key) return type; // a newer server's
  const changed = data.changed ?? [];
  return rich(key, {
    who: whoOf(texts, data, draw.person),
    token: data.token_id === undefined ? t('trail.something') : draw.token(data.token_id, data.owner),
    owner: data.owner === undefined ? t('trail.somebody') : draw.person(data.owner),
    count: changed.length,
    fields: intl.formatList(changed.map((field) => (FIELDS[field] ? t(FIELDS[field]) : field))),
    network: data.network ?? '',
    reason: reasonOf(t, data),
    days: data.days ?? 0,
    end: data.ends_at === undefined ? '' : exactly(intl, data.ends_at),
  });
}

function reasonOf(t: Texts['t'], { reason }: Event['data']): string {
  if (reason === undefined) return '';
  return REASONS[reason] ? t(REASONS[reason]) : reason; // a newer server's
}

function whoOf({ t, rich }: Texts, { by }: Event['data'], person: (sub: string) => ReactNode): ReactNode {
  if (by.kind === 'report') return t('trail.who.report');
  if (by.kind === 'system') return t('trail.who.system');
  if (by.kind === 'holder' && by.sub === undefined) return t('trail.who.holder');
  if (by.sub === undefined) return by.kind === 'admin' ? t('trail.who.someAdmin') : t('trail.somebody');
  return by.kind === 'admin' ? rich('trail.who.admin', { sub: person(by.sub) }) : person(by.sub);
}
