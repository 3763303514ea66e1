import { describe, expect, it } from 'vitest';
import { socketInodes } from '../../../src/lib/index.ts';

// Two rows as Linux 6.1 prints them: a listener on port 6385 and an established connection from it.
const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:18F1 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 41234 1 0000000000000000 100 0 0 10 0
   1: 0100007F:18F1 0100007F:D2F0 01 00000000:00000000 00:00000000 00000000     0        0 41299 1 0000000000000000 20 4 30 10 -1
   2: 00000000:0043 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 51111 2 0000000000000000 0
`;

describe('the owner of a port', () => {
  it('is looked for among the sockets that listen on it', () => {
    expect([...socketInodes(TABLE, '0A', 6385)]).toEqual(['41234']);
    expect([...socketInodes(TABLE, '07', 67)]).toEqual(['51111']);
    expect([...socketInodes(TABLE, '0A', 67)]).toEqual([]);
    expect([...socketInodes('', '0A', 6385)]).toEqual([]);
  });
});
