import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { type ReactNode, useEffect } from 'react';
import { useBlocker } from 'react-router';
import { useTexts } from '../texts/use';

/**
 * Asks before a page is left while something would be lost: by a link, the back
 * button, a reload or the window's end. Returns the question, to be drawn.
 */
export function useLeaveGuard(active: boolean, question: string): ReactNode {
  const { t } = useTexts();
  const blocker = useBlocker(
    // Another query is the same page: nothing is lost.
    ({ currentLocation, nextLocation }) => active && currentLocation.pathname !== nextLocation.pathname,
  );

  useEffect(() => {
    if (!active) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener('beforeunload', ask);
    return () => window.removeEventListener('beforeunload', ask);
  }, [active]);

  // What the question was about is settled: the person stays, and sees the outcome.
  useEffect(() => {
    if (!active && blocker.state === 'blocked') blocker.reset();
  }, [active, blocker]);

  return (
    <Modal
      visible={blocker.state === 'blocked'}
      onDismiss={() => blocker.reset?.()}
      header={t('leave.title')}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={() => blocker.proceed?.()}>
              {t('leave.go')}
            </Button>
            <Button variant="primary" onClick={() => blocker.reset?.()}>
              {t('leave.stay')}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      {question}
    </Modal>
  );
}
