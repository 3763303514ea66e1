// A look at all bytes of an installer, as a task: they are what they were when it was imported, or it is not used any more.

import { type Static, Type } from 'typebox';
import type { Clock } from '../../lib/index.ts';
import type { Store } from '../../store/index.ts';
import { defineTask, done, type StepContext, type StepResult, type TaskDefinition, waitUntil } from '../../tasks/index.ts';
import { fail } from '../errors.ts';
import type { Installer } from '../seam.ts';
import { hashFile, mebibytes } from './disk-files.ts';
import { missingOf, type Shelf } from './shelf.ts';

export const VERIFY_KIND = 'installer.verify';
export const verifyArgs = Type.Object({ id: Type.String(), holder: Type.String(), at: Type.Integer() });
type Context = StepContext<Static<typeof verifyArgs>>;

export interface VerifyDeps {
  readonly shelf: Shelf;
  readonly store: Pick<Store, 'events'>;
  readonly holder: string;
  readonly clock: Clock;
}

const HOUR = 3600_000;
const ELSEWHERE_MS = 10 * 60_000;

export function verifyDefinition(deps: () => VerifyDeps): TaskDefinition {
  const definition = defineTask({
    kind: VERIFY_KIND,
    title: 'Verify an installer',
    args: verifyArgs,
    steps: [{ name: 'read', title: 'Read its files', timeoutMs: HOUR, run: (context) => read(deps(), context) }],
  });
  return definition as TaskDefinition; // the engine checks the arguments before any step is called
}

async function read(deps: VerifyDeps, context: Context): Promise<StepResult> {
  const { holder, clock, shelf } = deps;
  if (holder !== context.args.holder && clock.now() - context.args.at < ELSEWHERE_MS) return waitUntil(clock.now() + 2000);
  const installer = await shelf.find(context.args.id);
  const fault = (await missingOf(installer)) ?? (await changedOf(installer, context));
  await shelf.setFault(installer.id, fault ?? null);
  if (fault === undefined) return done({ id: installer.id, name: installer.name });
  await context.transaction((tx) =>
    deps.store.events.append(tx, {
      type: 'installer.broken',
      taskId: context.taskId,
      severity: 'error',
      message: `${installer.name}: ${fault}`,
      data: { id: installer.id },
    }),
  );
  throw fail('install.installer_broken', {
    message: `${installer.name} is not used any more: ${fault}`,
    hint: `Remove it and import it again: rackseed image remove ${installer.name}. Look at the disk of the appliance too.`,
  });
}

async function changedOf({ iso, kernel, initrd }: Installer, context: Context): Promise<string | undefined> {
  const files = [kernel, initrd, iso];
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  let before = 0;
  for (const { path, sha256, bytes } of files) {
    const start = before;
    const onBytes = (now: number): void =>
      context.progress((start + now) / total, `${mebibytes(start + now)} of ${mebibytes(total)} MiB read`);
    const found = await hashFile(path, { signal: context.signal, onBytes });
    if (found.sha256 !== sha256) return `${path} has the SHA-256 ${found.sha256} instead of ${sha256}`;
    before += bytes;
  }
  return undefined;
}
