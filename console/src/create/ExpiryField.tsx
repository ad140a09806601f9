import Alert from '@cloudscape-design/components/alert';
import Calendar from '@cloudscape-design/components/calendar';
import DateInput from '@cloudscape-design/components/date-input';
import FormField from '@cloudscape-design/components/form-field';
import Select, { type SelectProps } from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import type { ReactNode } from 'react';
import { dayOf } from '../app/Moment';
import { useNow } from '../app/now';
import { useTexts } from '../texts/use';
import { type Expiry, endOf, latestEnd, lifetimes, mayNeverEnd, type Policy } from '../tokens/expiry';
import { DAY } from '../tokens/standing';

interface Props {
  expiry: Expiry;
  policy: Policy;
  error?: ReactNode;
  /** When the token was made, for one that is: the policy counts from there. */
  created?: number;
  change(expiry: Expiry): void;
}

/** When a token ends: a choice, its date in words, and what the policy has to say. */
export function ExpiryField({ expiry, policy, error, created, change }: Props) {
  const { t, intl } = useTexts();
  const now = useNow();
  const from = created ?? now;
  const latest = latestEnd(policy, from);
  const options: SelectProps.Option[] = [
    ...(mayNeverEnd(policy) ? [{ value: 'never', label: t('expiry.never') }] : []),
    ...lifetimes(policy, expiry)
      .filter((days) => latest === null || now + days * DAY <= latest)
      .map((days) => ({
        value: String(days),
        label: days === 365 ? t('expiry.year') : t('expiry.days', { days }),
        description: dayOf(intl, now + days * DAY),
      })),
    { value: 'date', label: t('expiry.date') },
  ];
  const value = expiry.kind === 'days' ? String(expiry.days) : expiry.kind;
  const end = endOf(expiry, policy, now, from);
  const words =
    end == null
      ? expiry.kind === 'never'
        ? t('expiry.words.never')
        : ''
      : t('expiry.words', { day: dayOf(intl, end) });

  const choose = (date: string) => change({ kind: 'date', date });

  return (
    <SpaceBetween size="xs">
      <FormField
        label={t('expiry.title')}
        description={
          latest === null
            ? undefined
            : t('expiry.latest', { day: dayOf(intl, latest), days: policy.max_lifetime_days ?? 0 })
        }
        constraintText={words}
        errorText={expiry.kind === 'date' ? undefined : error}
      >
        <div data-field="expires_at">
          <Select
            options={options}
            selectedOption={options.find((o) => o.value === value) ?? null}
            onChange={({ detail }) => change(expiryOf(detail.selectedOption.value ?? 'never'))}
          />
        </div>
      </FormField>
      {expiry.kind === 'date' && (
        <FormField label={t('expiry.date.label')} errorText={error}>
          <SpaceBetween size="xs">
            <DateInput value={expiry.date} placeholder="YYYY/MM/DD" onChange={({ detail }) => choose(detail.value)} />
            {/* Open at once: the dialog of a date picker has no name that a reader could say. */}
            <Calendar
              value={expiry.date}
              locale={intl.locale}
              ariaLabel={t('expiry.calendar')}
              isDateEnabled={(date) => date.getTime() > now - DAY && (latest === null || date.getTime() <= latest)}
              onChange={({ detail }) => choose(detail.value)}
            />
          </SpaceBetween>
        </FormField>
      )}
      {expiry.kind === 'never' && <Alert type="info">{t('expiry.advice')}</Alert>}
    </SpaceBetween>
  );
}

function expiryOf(value: string): Expiry {
  if (value === 'never') return { kind: 'never' };
  if (value === 'date') return { kind: 'date', date: '' };
  return { kind: 'days', days: Number(value) };
}
