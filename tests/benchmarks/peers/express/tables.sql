CREATE TABLE events (
    id bigserial PRIMARY KEY,
    event_id varchar(255) NOT NULL UNIQUE,
    type varchar(120) NOT NULL,
    body text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE customers (
    provider_id varchar(255) PRIMARY KEY,
    user_id bigint NOT NULL
);
CREATE TABLE payments (
    id bigserial PRIMARY KEY,
    user_id bigint NOT NULL,
    provider_id varchar(255) NOT NULL UNIQUE,
    amount bigint NOT NULL,
    currency varchar(3) NOT NULL,
    status varchar(20) NOT NULL,
    paid_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX payments_of_user ON payments (user_id, created_at DESC);
CREATE TABLE attempts (
    id bigserial PRIMARY KEY,
    payment_id bigint NOT NULL REFERENCES payments,
    provider_id varchar(255) NOT NULL UNIQUE,
    succeeded boolean NOT NULL,
    created_at timestamptz NOT NULL
);
