import Popover from '@cloudscape-design/components/popover';
import type { IntlShape } from 'react-intl';
import { useTexts } from '../texts/use';
import { DAY } from '../tokens/standing';
import { useNow } from './now';

/** A day in words: 24 December 2026. */
export function dayOf(intl: IntlShape, at: number | string): string {
  return intl.formatDate(at, { dateStyle: 'long' });
}

/** A moment to the second, here and in UTC. */
export function exactly(intl: IntlShape, at: string): string {
  const here = intl.formatDate(at, { dateStyle: 'long', timeStyle: 'long' });
  if (new Date(at).getTimezoneOffset() === 0) return here;
  return `${here} (${intl.formatDate(at, { dateStyle: 'short', timeStyle: 'medium', timeZone: 'UTC' })} UTC)`;
}

const STEPS = [
  ['year', 365 * DAY],
  ['month', 30 * DAY],
  ['week', 7 * DAY],
  ['day', DAY],
  ['hour', DAY / 24],
  ['minute', 60_000],
] as const;

/** How long ago, or how soon: 3 hours ago, in 5 days. */
export function relative(intl: IntlShape, at: string, now: number): string {
  const ms = Date.parse(at) - now;
  for (const [unit, length] of STEPS) {
    if (Math.abs(ms) >= length) return intl.formatRelativeTime(Math.trunc(ms / length), unit);
  }
  return intl.formatRelativeTime(0, 'second', { numeric: 'auto' });
}

/** A day, and the exact time on hover. */
export function Day({ at }: { at: string }) {
  const { intl } = useTexts();
  return (
    <time dateTime={at} title={exactly(intl, at)}>
      {intl.formatDate(at, { dateStyle: 'medium' })}
    </time>
  );
}

/** How long ago; the exact time and what else is known on hover, or on a press for those who cannot. */
export function Ago({ at, more = [] }: { at: string; more?: string[] }) {
  const { intl } = useTexts();
  const now = useNow();
  const all = [exactly(intl, at), ...more];
  return (
    <span title={all.join('\n')}>
      <Popover
        dismissButton={false}
        triggerType="text"
        size="medium"
        content={all.map((line) => <div key={line}>{line}</div>)}
      >
        <time dateTime={at}>{relative(intl, at, now)}</time>
      </Popover>
    </span>
  );
}
