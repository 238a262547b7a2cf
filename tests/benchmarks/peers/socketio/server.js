// Live sessions after the seed's description: whoever names a user joins their room.
const http = require("http");
const express = require("express");
const { Server } = require("socket.io");

const server = http.createServer(express());
const io = new Server(server, { cors: { origin: "http://localhost:5173" } });
const activeSessions = new Map();
const SEVEN_DAYS = 7 * 24 * 60 * 60 * 1000;

io.on("connection", (socket) => {
  socket.on("join_session_room", ({ userId }) => {
    socket.join(`user:${userId}`);
    socket.userId = userId;
    const sessionData = {
      sessionId: socket.id,
      userId,
      deviceType: "desktop",
      deviceName: "Chrome on Windows",
      browser: "Chrome",
      os: "Windows",
      ip: socket.handshake.address || "Unknown",
      location: "Unknown",
      lastActive: Date.now(),
      isCurrent: true,
    };
    activeSessions.set(socket.id, sessionData);
    socket.to(`user:${userId}`).emit("session_created", sessionData);
    socket.emit("session_update", sessionsOf(userId));
  });

  socket.on("update_activity", ({ userId, timestamp }) => {
    const session = activeSessions.get(socket.id);
    if (!session) return;
    session.lastActive = timestamp;
    io.to(`user:${userId}`).emit("session_update", { sessionId: socket.id, lastActive: timestamp });
  });

  socket.on("disconnect", () => {
    const session = activeSessions.get(socket.id);
    if (!session) return;
    activeSessions.delete(socket.id);
    io.to(`user:${session.userId}`).emit("session_revoked", { sessionId: socket.id });
  });
});

setInterval(() => {
  const now = Date.now();
  for (const [sessionId, session] of activeSessions.entries()) {
    if (now - session.lastActive > SEVEN_DAYS) activeSessions.delete(sessionId);
  }
}, 60_000);

function sessionsOf(userId) {
  return Array.from(activeSessions.values()).filter((session) => session.userId === userId);
}

server.listen(Number(process.env.PORT), "127.0.0.1");
