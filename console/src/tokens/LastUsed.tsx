import Box from '@cloudscape-design/components/box';
import type { Token } from '../api/client';
import { Ago, exactly } from '../app/Moment';
import { type Texts, useTexts } from '../texts/use';

/** When a token was last used, and from where on hover. */
export function LastUsed({ token }: { token: Token }) {
  const { t } = useTexts();
  if (token.last_used_at === null) return <Box color="text-body-secondary">{t('used.never')}</Box>;
  const from = token.last_used_ip === null ? [] : [t('used.from', { address: token.last_used_ip })];
  return <Ago at={token.last_used_at} more={from} />;
}

/** The same in a sentence. */
export function lastUsedSentence({ t, intl }: Texts, token: Token): string {
  if (token.last_used_at === null) return t('used.sentence.never');
  const at = exactly(intl, token.last_used_at);
  return token.last_used_ip === null
    ? t('used.sentence', { at })
    : t('used.sentence.from', { at, address: token.last_used_ip });
}
