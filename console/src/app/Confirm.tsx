import Box from '@cloudscape-design/components/box';
import Button, { type ButtonProps } from '@cloudscape-design/components/button';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { asFailure, type Failure } from '../api/failure';
import { useTexts } from '../texts/use';

interface Props {
  title: string;
  /** What the button says that does it. */
  act: string;
  /** Does it. What it throws is shown, and can be tried again. */
  run(): Promise<void>;
  /** What is shown of a failure. */
  failed(failure: Failure): ReactNode;
  close(): void;
  children: ReactNode;
}

/** Asks before something is done that stops somebody. */
export function Confirm({ title, act, run, failed, close, children }: Props) {
  const { t } = useTexts();
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const sending = useRef(false);
  const cancel = useRef<ButtonProps.Ref>(null);

  // The modal takes the focus to its first control; the safe one is Cancel.
  useEffect(() => {
    const soon = setTimeout(() => cancel.current?.focus());
    return () => clearTimeout(soon);
  }, []);

  const go = async () => {
    if (sending.current) return;
    sending.current = true;
    setBusy(true);
    setFailure(null);
    try {
      await run();
      close();
    } catch (thrown) {
      setFailure(asFailure(thrown));
      setBusy(false);
    } finally {
      sending.current = false;
    }
  };

  return (
    <Modal
      visible
      onDismiss={() => {
        if (!busy) close();
      }}
      header={title}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button ref={cancel} variant="link" disabled={busy} onClick={close}>
              {t('cancel')}
            </Button>
            <Button variant="primary" loading={busy} onClick={() => void go()}>
              {failure ? t('retry') : act}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        {children}
        {failure && failed(failure)}
      </SpaceBetween>
    </Modal>
  );
}
