// Seed 003's webhook: verified, put into a Bull queue, answered.
const Queue = require("bull");
const express = require("express");
const stripe = require("stripe")(process.env.STRIPE_SECRET_KEY);

const queue = new Queue("payment-webhooks", process.env.REDIS_URL);
const app = express();

app.post("/webhook", express.raw({ type: "application/json" }), async (request, response) => {
  let event;
  try {
    event = stripe.webhooks.constructEvent(
      request.body, request.headers["stripe-signature"], process.env.STRIPE_WEBHOOK_SECRET);
  } catch (refused) {
    return response.status(400).send(`Webhook Error: ${refused.message}`);
  }
  await queue.add({ event, body: request.body.toString() }, { removeOnComplete: true });
  response.json({ received: true });
});

app.listen(Number(process.env.PORT), "127.0.0.1");
