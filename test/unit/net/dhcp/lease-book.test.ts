import { describe, expect, it } from 'vitest';
import { groupCommit } from '../../../../src/net/dhcp/lease/lease-book.ts';
import type { DhcpLease } from '../../../../src/net/dhcp/lease/lease-table.ts';
import { lease } from './site.ts';

interface Write {
  readonly leases: readonly DhcpLease[];
  finish(): void;
  fail(error: Error): void;
}

function slowBook(ready?: () => Promise<void> | undefined) {
  const writes: Write[] = [];
  const save = (leases: readonly DhcpLease[]): Promise<void> => {
    const done = Promise.withResolvers<void>();
    writes.push({ leases, finish: done.resolve, fail: done.reject });
    return done.promise;
  };
  return { writes, commit: groupCommit({ load: () => Promise.resolve([]), save, ...(ready === undefined ? {} : { ready }) }) };
}

const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
};

describe('group commit', () => {
  it('writes what came together in one go, and what comes meanwhile in the next', async () => {
    const { writes, commit } = slowBook();
    const first = [commit(lease('10.0.0.1')), commit(lease('10.0.0.2'))];
    await settled();
    const second = [commit(lease('10.0.0.3')), commit(lease('10.0.0.4'))];
    await settled();
    expect(writes.map((write) => write.leases.map((one) => one.address))).toEqual([['10.0.0.1', '10.0.0.2']]);
    writes[0]?.finish();
    await Promise.all(first);
    await settled();
    expect(writes[1]?.leases.map((one) => one.address)).toEqual(['10.0.0.3', '10.0.0.4']);
    writes[1]?.finish();
    await Promise.all(second);
  });

  it('waits until the book is ready, and takes along what comes until then', async () => {
    const isReady = Promise.withResolvers<void>();
    const { writes, commit } = slowBook(() => isReady.promise);
    const first = commit(lease('10.0.0.1'));
    await settled();
    const second = commit(lease('10.0.0.2'));
    await settled();
    expect(writes).toEqual([]);
    isReady.resolve();
    await settled();
    expect(writes.map((write) => write.leases.map((one) => one.address))).toEqual([['10.0.0.1', '10.0.0.2']]);
    writes[0]?.finish();
    await Promise.all([first, second]);
  });

  it('keeps the later of two changes of one address', async () => {
    const { writes, commit } = slowBook();
    const both = [commit(lease('10.0.0.1')), commit(lease('10.0.0.1', { state: 'released' }))];
    await settled();
    expect(writes[0]?.leases).toMatchObject([{ state: 'released' }]);
    writes[0]?.finish();
    await Promise.all(both);
  });

  it('fails those of the failed batch only, and goes on', async () => {
    const { writes, commit } = slowBook();
    const failed = commit(lease('10.0.0.1'));
    const refused = expect(failed).rejects.toThrow('disk full');
    await settled();
    const next = commit(lease('10.0.0.2'));
    writes[0]?.fail(new Error('disk full'));
    await refused;
    await settled();
    writes[1]?.finish();
    await expect(next).resolves.toBeUndefined();
  });
});
