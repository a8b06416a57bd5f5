package main

// sessionPlugin is the program that ECS Exec's sessions are held with.
const sessionPlugin = "session-manager-plugin"
