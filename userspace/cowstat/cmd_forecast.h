/* SPDX-License-Identifier: GPL-2.0 */
/* cowstat forecast: what a fork of a process would cost. */
#ifndef COWSTAT_CMD_FORECAST_H
#define COWSTAT_CMD_FORECAST_H

int cmd_forecast(int argc, char **argv);

#endif /* COWSTAT_CMD_FORECAST_H */
