// Where a node keeps what its first boot told. A name that the deploy drivers look for too; they are of another room.

/** In driver_internal_info. */
export const FIRST_BOOT = 'first_boot';
