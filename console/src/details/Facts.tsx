import Alert from '@cloudscape-design/components/alert';
import Badge from '@cloudscape-design/components/badge';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs, { type KeyValuePairsProps } from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';
import type { Token } from '../api/client';
import { useScopes } from '../api/use';
import { dayOf, exactly } from '../app/Moment';
import { useNarrow } from '../app/narrow';
import { useNow } from '../app/now';
import { useTexts } from '../texts/use';
import { CatalogueText } from '../tokens/CatalogueText';
import { Ends } from '../tokens/Ends';
import { LastUsed } from '../tokens/LastUsed';
import { Status } from '../tokens/Status';
import { endsByPolicy, isUnused } from '../tokens/standing';
import { canShrink, usedOf } from '../tokens/used';

/** What is known of a token. Advice is for its owner, not for others. */
export function Facts({ token, others = false, shrink }: { token: Token; others?: boolean; shrink?: () => void }) {
  const { t, intl } = useTexts();
  const now = useNow();
  const narrow = useNarrow();
  const moment = (at: string) => <time dateTime={at}>{exactly(intl, at)}</time>;
  const items: KeyValuePairsProps.Item[] = [
    { label: t('token.status'), value: <Status token={token} /> },
    { label: t('token.expires'), value: <Ends token={token} /> },
    { label: t('token.used'), value: <LastUsed token={token} /> },
    { label: t('token.hint'), value: <span className="code">{token.hint}</span> },
    { label: t('token.id'), value: <span className="code">{token.id}</span> },
    { label: t('token.created'), value: moment(token.created_at) },
  ];
  if (token.rotated_at) items.push({ label: t('token.rotated'), value: moment(token.rotated_at) });
  if (token.previous_valid_until && Date.parse(token.previous_valid_until) > now) {
    items.push({ label: t('token.previous'), value: moment(token.previous_valid_until) });
  }
  if (token.revoked_at) items.push({ label: t('token.revoked'), value: moment(token.revoked_at) });
  items.push({
    label: t('token.networks'),
    value:
      token.allowed_cidrs.length > 0 ? (
        <ul className="plain tight">
          {token.allowed_cidrs.map((cidr) => (
            <li key={cidr} className="code">
              {cidr}
            </li>
          ))}
        </ul>
      ) : (
        t('networks.everywhere')
      ),
  });
  return (
    <SpaceBetween size="l">
      {token.status === 'disabled' && !others && <Alert type="warning">{t('disabled.why')}</Alert>}
      {!others && endsByPolicy(token) && token.effective_expires_at !== null && token.status !== 'revoked' && (
        <Alert type="info">{t('ends.policy', { day: dayOf(intl, token.effective_expires_at) })}</Alert>
      )}
      {!others && isUnused(token, now) && <Alert type="info">{t('unused.advice')}</Alert>}
      <Container header={<Header variant="h2">{t('details.title')}</Header>}>
        <KeyValuePairs columns={narrow ? 1 : 3} items={items} />
      </Container>
      <ScopeFacts token={token} others={others} shrink={shrink} />
    </SpaceBetween>
  );
}

/** The permissions of a token, with what each means and whether it was ever used for it. */
function ScopeFacts({ token, others, shrink }: { token: Token; others: boolean; shrink?: () => void }) {
  const { t } = useTexts();
  const catalogue = useScopes();
  const used = usedOf(token);
  return (
    <Container
      header={
        <Header
          variant="h2"
          description={t('scopes.use', { granted: token.scopes.length, used: used.length })}
          actions={shrink && canShrink(token) && <Button onClick={shrink}>{t('scopes.shrink')}</Button>}
        >
          {t('token.scopes')}
        </Header>
      }
    >
      <ul className="plain">
        {token.scopes.map((name) => {
          const known = catalogue.data?.find((s) => s.name === name);
          return (
            <li key={name}>
              <SpaceBetween direction="horizontal" size="xs" alignItems="center">
                <span className="code">{name}</span>
                {known?.sensitive && <Badge color="severity-medium">{t('permissions.sensitive')}</Badge>}
                {!others && known && !known.grantable && (
                  <Badge color="severity-neutral">{t('permissions.lost')}</Badge>
                )}
                {canShrink(token) && !used.includes(name) && <Badge color="severity-low">{t('scopes.unused')}</Badge>}
                {catalogue.data && !known && <Badge color="severity-neutral">{t('permissions.unknown')}</Badge>}
              </SpaceBetween>
              {known && (
                <Box variant="small">
                  <CatalogueText>{known.description}</CatalogueText>
                </Box>
              )}
            </li>
          );
        })}
      </ul>
    </Container>
  );
}
