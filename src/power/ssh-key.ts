// The appliance's own SSH key: made when it is first needed, sealed in the store, the same for all appliances of a store.

import { assert, Secret } from '../lib/index.ts';
import type { Store } from '../store/index.ts';
import { fail } from './errors.ts';
import type { ApplianceKey } from './ssh.ts';

const NAME = 'power.ssh_key';

export function createApplianceKey(store: Store): ApplianceKey {
  let loading: Promise<Secret> | undefined;
  const load = async (): Promise<Secret> => {
    const known = await store.vault.get(NAME);
    if (known !== undefined) return known;
    const { default: ssh2 } = await import('ssh2'); // only now: see ssh-session.ts
    const made = new Secret(ssh2.utils.generateKeyPairSync('ed25519', { comment: 'rackseed' }).private);
    return store.transaction(async (tx) => {
      const meanwhile = await store.vault.get(NAME, tx);
      if (meanwhile !== undefined) return meanwhile; // another appliance on the same store was first
      await store.vault.put(tx, NAME, made);
      return made;
    });
  };
  const privateKey = async (): Promise<Secret> => {
    loading ??= load();
    try {
      return await loading;
    } catch (thrown) {
      loading = undefined;
      throw thrown;
    }
  };
  return {
    privateKey,
    publicLine: async () => {
      const { default: ssh2 } = await import('ssh2');
      const parsed = ssh2.utils.parseKey((await privateKey()).reveal());
      assert(!(parsed instanceof Error), "the appliance's SSH key can not be read");
      return `${parsed.type} ${parsed.getPublicSSH().toString('base64')} rackseed`;
    },
  };
}

/** Where no store is: only nodes with a key or a password of their own can be told anything. */
export const noKey: ApplianceKey = {
  privateKey: () => Promise.reject(fail('power.bad_info', { message: 'there is no SSH key', hint: 'Set driver_info/ssh_private_key.' })),
  publicLine: () => Promise.resolve('(there is none: set driver_info/ssh_private_key)'),
};
