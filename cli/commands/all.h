#pragma once

#include "cli/command_tree.h"

/// One function a file of this folder; program.cpp calls them all.
namespace herald::cli {

void add_provider_commands(CommandTree& tree);
void add_token_commands(CommandTree& tree);
void add_notification_commands(CommandTree& tree);
void add_event_commands(CommandTree& tree);
void add_callout_commands(CommandTree& tree);
void add_stats_command(CommandTree& tree);
void add_serve_command(CommandTree& tree);
void add_key_commands(CommandTree& tree);
void add_backup_command(CommandTree& tree);
void add_doctor_command(CommandTree& tree);
void add_demo_command(CommandTree& tree);
void add_completion_commands(CommandTree& tree);
void add_help_command(CommandTree& tree);

}  // namespace herald::cli
