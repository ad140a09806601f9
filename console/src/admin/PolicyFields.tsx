import Checkbox from '@cloudscape-design/components/checkbox';
import Container from '@cloudscape-design/components/container';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Textarea from '@cloudscape-design/components/textarea';
import Toggle from '@cloudscape-design/components/toggle';
import type { ReactNode } from 'react';
import { useTexts } from '../texts/use';
import { say } from '../tokens/mistake';
import {
  CAP,
  groupsOf,
  LIMITS,
  type LimitField,
  type PolicyDraft,
  type PolicyField,
  type PolicyMistakes,
} from './draft';

interface Props {
  draft: PolicyDraft;
  mistakes: PolicyMistakes;
  change(part: Partial<PolicyDraft>): void;
}

/** Every field of the policy: those that stop existing tokens, then those that new ones meet. */
export function PolicyFields(props: Props) {
  const { t } = useTexts();
  const { draft, change } = props;
  return (
    <SpaceBetween size="l">
      <Container header={<Header variant="h2">{t('policy.existing')}</Header>}>
        <SpaceBetween size="l">
          <LimitedField {...props} field="max_lifetime_days" />
          <LimitedField {...props} field="max_idle_days" />
          <LimitedField {...props} field="max_absence_days" />
        </SpaceBetween>
      </Container>
      <Container header={<Header variant="h2">{t('policy.new')}</Header>}>
        <SpaceBetween size="l">
          <LimitedField {...props} field="default_lifetime_days" />
          <FormField label={t('policy.requireExpiry')}>
            <div data-field="require_expiry">
              <Checkbox
                checked={draft.require_expiry}
                onChange={({ detail }) => change({ require_expiry: detail.checked })}
              >
                {t('policy.requireExpiry.on')}
              </Checkbox>
            </div>
          </FormField>
          <CapField {...props} />
          <GroupsField {...props} />
        </SpaceBetween>
      </Container>
      <Container header={<Header variant="h2">{t('policy.people')}</Header>}>
        <LimitedField {...props} field="reauth_seconds" />
      </Container>
    </SpaceBetween>
  );
}

const WORDS = {
  max_lifetime_days: { label: 'policy.maxLifetime', what: 'policy.maxLifetime.what', on: 'policy.maxLifetime.on' },
  default_lifetime_days: {
    label: 'policy.defaultLifetime',
    what: 'policy.defaultLifetime.what',
    on: 'policy.defaultLifetime.on',
  },
  max_idle_days: { label: 'policy.idle', what: 'policy.idle.what', on: 'policy.idle.on' },
  max_absence_days: { label: 'policy.absence', what: 'policy.absence.what', on: 'policy.absence.on' },
  reauth_seconds: { label: 'policy.reauth', what: 'policy.reauth.what', on: 'policy.reauth.on' },
} as const;

/** A limit with its switch: off is no limit. */
function LimitedField({ field, draft, mistakes, change }: Props & { field: LimitField }) {
  const { t, intl } = useTexts();
  const { label, what, on } = WORDS[field];
  const { least, most } = LIMITS[field];
  const limit = draft[field];
  const error = useWords(mistakes, field);
  return (
    <SpaceBetween size="xs">
      <Toggle
        checked={limit.on}
        description={t(what)}
        onChange={({ detail }) => change({ [field]: { ...limit, on: detail.checked } })}
      >
        {t(label)}
      </Toggle>
      {limit.on && (
        <FormField
          label={t(on)}
          constraintText={t('policy.bounds', { least: intl.formatNumber(least), most: intl.formatNumber(most) })}
          errorText={error}
        >
          <div data-field={field}>
            <Input
              value={limit.typed}
              inputMode="numeric"
              autoComplete={false}
              onChange={({ detail }) => change({ [field]: { ...limit, typed: detail.value } })}
            />
          </div>
        </FormField>
      )}
    </SpaceBetween>
  );
}

function CapField({ draft, mistakes, change }: Props) {
  const { t } = useTexts();
  return (
    <FormField
      label={t('policy.cap')}
      description={t('policy.cap.what')}
      constraintText={t('policy.bounds', { ...CAP })}
      errorText={useWords(mistakes, 'max_tokens_per_person')}
    >
      <div data-field="max_tokens_per_person">
        <Input
          value={draft.max_tokens_per_person}
          inputMode="numeric"
          autoComplete={false}
          onChange={({ detail }) => change({ max_tokens_per_person: detail.value })}
        />
      </div>
    </FormField>
  );
}

function GroupsField({ draft, mistakes, change }: Props) {
  const { t } = useTexts();
  const groups = draft.creator_groups;
  const error = useWords(mistakes, 'creator_groups');
  return (
    <SpaceBetween size="xs">
      <Toggle
        checked={groups.on}
        description={t('policy.creators.what')}
        onChange={({ detail }) => change({ creator_groups: { ...groups, on: detail.checked } })}
      >
        {t('policy.creators')}
      </Toggle>
      {groups.on && (
        <FormField
          label={t('policy.creators.on')}
          constraintText={t('policy.creators.count', { count: groupsOf(groups.typed).length })}
          errorText={error}
        >
          <div data-field="creator_groups">
            <Textarea
              rows={3}
              spellcheck={false}
              value={groups.typed}
              onChange={({ detail }) => change({ creator_groups: { ...groups, typed: detail.value } })}
            />
          </div>
        </FormField>
      )}
    </SpaceBetween>
  );
}

function useWords(mistakes: PolicyMistakes, field: PolicyField): ReactNode {
  return say(useTexts(), mistakes[field]);
}
