// Seed 000's webhook: verified, parsed, and kept with one INSERT before it is answered.
const express = require("express");
const { Pool } = require("pg");
const stripe = require("stripe")(process.env.STRIPE_SECRET_KEY);

const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: Number(process.env.POOL) });
const app = express();

const STORE = {
  name: "store",
  text: `INSERT INTO events (event_id, type, body) VALUES ($1, $2, $3)
         ON CONFLICT (event_id) DO NOTHING`,
};

app.post("/webhook", express.raw({ type: "application/json" }), async (request, response) => {
  let event;
  try {
    event = stripe.webhooks.constructEvent(
      request.body, request.headers["stripe-signature"], process.env.STRIPE_WEBHOOK_SECRET);
  } catch (refused) {
    return response.status(400).send(`Webhook Error: ${refused.message}`);
  }
  await pool.query({ ...STORE, values: [event.id, event.type, request.body.toString()] });
  response.json({ received: true });
});

app.listen(Number(process.env.PORT), "127.0.0.1");
