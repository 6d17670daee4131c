// Keeps everything: the library's own in-memory adapter forgets after 1,000 objects.
const grantable = new Set([
  'AccessToken', 'AuthorizationCode', 'RefreshToken', 'DeviceCode', 'BackchannelAuthenticationRequest',
]);
const objects = new Map();
const idsByGrant = new Map();

export class MapAdapter {
  constructor(name) {
    this.name = name;
  }

  key(id) {
    return `${this.name}:${id}`;
  }

  async upsert(id, payload, expiresIn) {
    const key = this.key(id);
    const expiresAt = expiresIn ? Date.now() + expiresIn * 1000 : Infinity;
    objects.set(key, { payload, expiresAt });
    if (grantable.has(this.name) && payload.grantId) {
      const ids = idsByGrant.get(payload.grantId) ?? [];
      idsByGrant.set(payload.grantId, [...ids, key]);
    }
  }

  async find(id) {
    const stored = objects.get(this.key(id));
    return stored && stored.expiresAt > Date.now() ? stored.payload : undefined;
  }

  async findByUid(uid) {
    return this.findBy('uid', uid);
  }

  async findByUserCode(userCode) {
    return this.findBy('userCode', userCode);
  }

  async findBy(member, value) {
    for (const [key, { payload }] of objects) {
      if (key.startsWith(`${this.name}:`) && payload[member] === value) return payload;
    }
    return undefined;
  }

  async consume(id) {
    const stored = objects.get(this.key(id));
    if (stored) stored.payload.consumed = Math.floor(Date.now() / 1000);
  }

  async destroy(id) {
    objects.delete(this.key(id));
  }

  async revokeByGrantId(grantId) {
    for (const key of idsByGrant.get(grantId) ?? []) objects.delete(key);
    idsByGrant.delete(grantId);
  }
}
