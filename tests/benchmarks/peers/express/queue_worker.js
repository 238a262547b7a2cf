// Seed 003's processor: one transaction for each event, with the rows that ours writes for it.
const Queue = require("bull");
const { Pool } = require("pg");

const AT_ONCE = Number(process.env.POOL);
const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: AT_ONCE });
const queue = new Queue("payment-webhooks", process.env.REDIS_URL);

const STORE = {
  name: "store",
  text: `INSERT INTO events (event_id, type, body) VALUES ($1, $2, $3)
         ON CONFLICT (event_id) DO NOTHING`,
};
const PAY = {
  name: "pay",
  text: `INSERT INTO payments (user_id, provider_id, amount, currency, status, paid_at)
         SELECT user_id, $2, $3, $4, 'succeeded', to_timestamp($5) FROM customers
         WHERE provider_id = $1
         ON CONFLICT (provider_id) DO UPDATE SET status = 'succeeded', paid_at = EXCLUDED.paid_at
         RETURNING id`,
};
const ATTEMPT = {
  name: "attempt",
  text: `INSERT INTO attempts (payment_id, provider_id, succeeded, created_at)
         VALUES ($1, $2, true, to_timestamp($3)) ON CONFLICT (provider_id) DO NOTHING`,
};

queue.process(AT_ONCE, async ({ data: { event, body } }) => {
  const intent = event.data.object;
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    const stored = await client.query({ ...STORE, values: [event.id, event.type, body] });
    if (stored.rowCount) {
      const paid = await client.query({
        ...PAY,
        values: [intent.customer, intent.id, intent.amount_received, intent.currency, event.created],
      });
      await client.query({
        ...ATTEMPT, values: [paid.rows[0].id, intent.latest_charge, event.created],
      });
    }
    await client.query("COMMIT");
  } catch (failed) {
    await client.query("ROLLBACK");
    throw failed;
  } finally {
    client.release();
  }
});

queue.isReady().then(() => console.log("ready"));
