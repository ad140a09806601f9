import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button, { type ButtonProps } from '@cloudscape-design/components/button';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { useEffect, useRef, useState } from 'react';
import { deleteToken } from '../api/change';
import type { Api, Token } from '../api/client';
import { asFailure } from '../api/failure';
import { useApi, useChanged } from '../api/use';
import { sentenceOf } from '../app/FailureAlert';
import { useTell } from '../app/notices';
import { useTexts } from '../texts/use';
import { lastUsedSentence } from '../tokens/LastUsed';

/** What became of each: nothing yet, under way, gone, or why not. */
type Fate = 'waiting' | 'doing' | 'done' | { failed: string };

interface Props {
  tokens: Token[];
  /** How one is deleted: as its owner does, unless said otherwise. */
  remove?(api: Api, id: string): Promise<void>;
  /** What the question calls it. */
  nameOf?(token: Token): string;
  close(deleted: boolean): void;
}

/** Asks before tokens are deleted, deletes them one after the other, and tells what became of each. */
export function DeleteTokens({
  tokens,
  remove: removeOne = deleteToken,
  nameOf = (token) => token.name,
  close,
}: Props) {
  const texts = useTexts();
  const { t } = texts;
  const { api } = useApi();
  const tell = useTell();
  const changed = useChanged();
  const [fates, setFates] = useState<ReadonlyMap<string, Fate>>(new Map());
  const [busy, setBusy] = useState(false);
  const cancel = useRef<ButtonProps.Ref>(null);

  // The modal takes the focus to its first control; the safe one is Cancel.
  useEffect(() => {
    const soon = setTimeout(() => cancel.current?.focus());
    return () => clearTimeout(soon);
  }, []);

  const fateOf = (token: Token): Fate => fates.get(token.id) ?? 'waiting';
  const failed = tokens.some((token) => typeof fateOf(token) === 'object');
  const left = tokens.filter((token) => fateOf(token) !== 'done');
  const anyDone = left.length < tokens.length;

  const remove = async () => {
    if (busy) return;
    setBusy(true);
    let failures = 0;
    for (const token of left) {
      setFates((f) => new Map(f).set(token.id, 'doing'));
      try {
        await removeOne(api, token.id);
        setFates((f) => new Map(f).set(token.id, 'done'));
      } catch (thrown) {
        failures++;
        const why = sentenceOf(texts, asFailure(thrown));
        setFates((f) => new Map(f).set(token.id, { failed: why }));
      }
    }
    await changed().catch(() => {}); // the list says by itself that it cannot be read
    setBusy(false);
    if (failures > 0) return;
    tell(
      'success',
      tokens.length === 1
        ? t('delete.done', { name: tokens[0] ? nameOf(tokens[0]) : '' })
        : t('delete.done.several', { count: tokens.length }),
    );
    close(true);
  };

  const [only] = tokens;
  return (
    <Modal
      visible
      onDismiss={() => {
        if (!busy) close(anyDone);
      }}
      header={
        tokens.length === 1 && only
          ? t('delete.title', { name: nameOf(only) })
          : t('delete.title.several', { count: tokens.length })
      }
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button ref={cancel} variant="link" disabled={busy} onClick={() => close(anyDone)}>
              {failed || anyDone ? t('close') : t('cancel')}
            </Button>
            <Button variant="primary" loading={busy} loadingText={t('delete.busy')} onClick={() => void remove()}>
              {failed ? t('retry') : t('delete')}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        {tokens.length === 1 && only ? (
          <SpaceBetween size="xs">
            <Box variant="p">{lastUsedSentence(texts, only)}</Box>
            <Outcome fate={fateOf(only)} />
          </SpaceBetween>
        ) : (
          <ul className="plain">
            {tokens.map((token) => (
              <li key={token.id}>
                <Box fontWeight="bold">{nameOf(token)}</Box>
                <Box variant="small" display="block">
                  {lastUsedSentence(texts, token)}
                </Box>
                <Outcome fate={fateOf(token)} />
              </li>
            ))}
          </ul>
        )}
        <Alert type="warning">{t('delete.atOnce', { count: tokens.length })}</Alert>
      </SpaceBetween>
    </Modal>
  );
}

function Outcome({ fate }: { fate: Fate }) {
  const { t } = useTexts();
  if (fate === 'waiting') return null;
  if (fate === 'doing') return <StatusIndicator type="loading">{t('delete.busy')}</StatusIndicator>;
  if (fate === 'done') return <StatusIndicator>{t('delete.gone')}</StatusIndicator>;
  return (
    <div role="alert">
      <StatusIndicator type="error">{t('delete.failed', { why: fate.failed })}</StatusIndicator>
    </div>
  );
}
