import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { useState } from 'react';
import type { Profile } from '../api/client';
import { PageLink } from '../app/go';
import { Ago } from '../app/Moment';
import { useTexts } from '../texts/use';
import { tokensOf, trailOf } from './address';
import { DeleteAll, Disable } from './Stop';

/** A person, and the ways to stop what is theirs. */
export function Person({ person }: { person: Profile }) {
  const { t, intl } = useTexts();
  const [doing, setDoing] = useState<'disable' | 'delete' | null>(null);
  const end = () => setDoing(null);
  return (
    <Container
      header={
        <Header
          variant="h2"
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <Button onClick={() => setDoing('delete')}>{t('person.deleteAll')}</Button>
              <Button onClick={() => setDoing('disable')}>
                {person.disabled ? t('person.enable') : t('person.disable')}
              </Button>
            </SpaceBetween>
          }
        >
          {person.sub}
        </Header>
      }
    >
      <KeyValuePairs
        columns={3}
        items={[
          {
            label: t('token.status'),
            value: person.disabled ? (
              <StatusIndicator type="stopped">{t('person.disabled')}</StatusIndicator>
            ) : (
              <StatusIndicator>{t('person.enabled')}</StatusIndicator>
            ),
          },
          {
            label: t('person.active'),
            value: <PageLink to={tokensOf(person.sub)}>{intl.formatNumber(person.tokens_active)}</PageLink>,
          },
          {
            label: t('person.seen'),
            value: person.last_seen_at === null ? t('person.seen.never') : <Ago at={person.last_seen_at} />,
          },
          {
            label: t('profile.groups'),
            value: person.groups.length > 0 ? intl.formatList(person.groups, { type: 'unit' }) : t('profile.noGroups'),
          },
          { label: t('trail.title'), value: <PageLink to={trailOf(person.sub)}>{t('person.trail')}</PageLink> },
        ]}
      />
      {doing === 'disable' && <Disable person={person} close={end} />}
      {doing === 'delete' && <DeleteAll person={person} close={end} />}
    </Container>
  );
}
